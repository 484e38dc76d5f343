"""Commands of the console: one table, from which keys, palette, help and docs are generated."""
