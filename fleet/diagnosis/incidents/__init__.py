"""Incidents of the causes that hold: since when, how bad, for whom, and what belongs together."""
