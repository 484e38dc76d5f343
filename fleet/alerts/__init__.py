"""Alerts as they concern the fleet: told of once, whoever tells of them, and joined to its objects. Pure."""
