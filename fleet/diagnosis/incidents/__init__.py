"""From the causes that hold to incidents: since when, how bad, for whom, and what belongs together."""
