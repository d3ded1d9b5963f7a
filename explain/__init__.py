"""Why: one Captum method or confidence map per file, and checks that an explanation is faithful."""
