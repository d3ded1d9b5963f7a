"""What the cardiac MR page shows beyond the shared parts."""
