"""Sources of facts: Kubernetes, Prometheus, the direct scrape. Each is followed in the background."""
