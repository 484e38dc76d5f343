"""The way from objects and measurements to the Snapshot: topology, joins, aggregation, health, history. Pure."""
