"""How every shipped weight was made: simulators, data sets, one command per weight."""
