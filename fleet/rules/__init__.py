"""Prometheus rules made of what the console knows: objectives, and the causes that Prometheus alone can tell."""
