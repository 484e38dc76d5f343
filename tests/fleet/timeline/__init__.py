"""What the past is told from."""
