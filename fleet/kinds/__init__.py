"""The kinds of workloads, one module each; ``registry`` lists them."""
