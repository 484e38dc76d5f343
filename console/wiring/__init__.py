"""Assembly of sources and actions from the settings."""
