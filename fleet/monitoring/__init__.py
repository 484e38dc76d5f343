"""Is monitoring lying? Rules held against the series that there are, targets, and series that are counted twice."""
