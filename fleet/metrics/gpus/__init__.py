"""The exporters of GPUs that are read: one module each, and one line in ``fleet.metrics.registry``."""
