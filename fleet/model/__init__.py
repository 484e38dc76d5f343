"""The model of the fleet: immutable, without I/O, imported by every other room."""
