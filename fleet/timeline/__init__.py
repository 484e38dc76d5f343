"""The past, as far back as existing data shows it: objects of the cluster, its metrics, the console's own records."""
