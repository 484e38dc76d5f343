"""Alerts that concern the fleet: deduplicated across the sources that report them, and joined to its objects. Pure."""
