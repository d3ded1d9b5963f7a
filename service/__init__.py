"""What leaves: HTTP API, command line, and exports."""
