"""Raw JSON of Kubernetes objects → slim rows (fleet/model/objects.py). Pure, and never raises on odd input."""
