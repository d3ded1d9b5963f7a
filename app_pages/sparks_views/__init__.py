"""What the spark page draws: hot spots, the player of frames and trace, the table of sparks."""
