"""Why an object is slow: where the time of its requests goes, and what the slow replicas have in common."""
