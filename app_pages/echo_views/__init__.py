"""What the echo pages show beyond the shared parts."""
