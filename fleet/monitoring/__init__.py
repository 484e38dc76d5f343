"""Checks of monitoring itself: rules compared with the existing series, targets, and series counted twice."""
