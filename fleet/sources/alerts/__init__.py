"""Alerts and rules, from Alertmanager and from rule evaluators."""
