"""Evaluation of the diagnosis: recorded incidents whose truth is known, replayed, and what was said of them."""
