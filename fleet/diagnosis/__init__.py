"""Diagnosis of objects: causes as declared data with their signs, and what judges by them. Pure."""
