"""The gateways and routers whose metrics are read: one module each, and one line in ``fleet.metrics.registry``."""
