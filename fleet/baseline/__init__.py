"""Baselines of any quantity of any object: the same hour of other days, or the last calm one."""
