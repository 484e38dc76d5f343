"""Following the cluster until it is where the plan wanted it."""
