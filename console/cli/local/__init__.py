"""``quarterdeck local``: flags, reading commands, acting commands, and the progress of a start."""
