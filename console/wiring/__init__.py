"""Putting sources and actions together as the settings say."""
