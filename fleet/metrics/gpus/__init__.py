"""The GPU exporters that are read: one module each, and one line in ``fleet.metrics.registry``."""
