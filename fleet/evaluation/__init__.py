"""Evaluation of the diagnosis: recorded incidents with known truth, replayed, and what the diagnosis reported."""
