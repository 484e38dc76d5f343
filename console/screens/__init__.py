"""The screens: each shows one kind of thing from the newest Snapshot."""
