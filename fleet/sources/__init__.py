"""Sources of facts: Kubernetes, Prometheus, direct scrapes. Each is followed in the background."""
