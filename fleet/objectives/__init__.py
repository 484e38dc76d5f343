"""Service level objectives: what users were promised, how much of the error budget is left, and how fast it burns."""
