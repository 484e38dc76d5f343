"""The past, as far back as what is still there can tell: objects of the cluster, its metrics, our own records."""
