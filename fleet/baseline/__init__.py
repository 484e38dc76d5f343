"""Baselines of any quantity of any object: the same hour on earlier days, or the last calm hour."""
