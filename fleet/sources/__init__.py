"""Where facts come from: Kubernetes, Prometheus, the direct scrape. Each is followed in the background."""
