"""Recordings: what the sources said, kept on disk beside every tick, and played again as if it were now."""
