"""Following the cluster until it has reached the planned state."""
