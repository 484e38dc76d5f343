"""The configuration: one TOML file, the environment and flags over it, a site policy over all of them."""
