"""Diagnosis of objects: causes declared as data with their signs, and the code that judges by them. Pure."""
