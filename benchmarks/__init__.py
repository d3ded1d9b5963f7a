"""Speed, memory and accuracy, measured on this machine, beside the peers' designs."""
