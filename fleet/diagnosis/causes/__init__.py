"""The causes, grouped in modules of those that must be told apart."""
