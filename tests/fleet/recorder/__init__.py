"""What is kept on disk of what the sources said."""
