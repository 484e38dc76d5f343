"""Traces of the past in a metrics store: what is gone, and values that changed before anybody looked."""
