"""Alerts and rules: what Alertmanager, and whatever evaluates rules, tell of them."""
