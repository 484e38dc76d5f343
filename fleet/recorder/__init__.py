"""What the sources said, kept on disk: written beside every tick, and played again as if it were now."""
