"""What a person can tell the console to do: one table, from which keys, palette, help and docs are generated."""
