"""The configuration: one TOML file, overridden by environment and flags, and all of them by a site policy."""
