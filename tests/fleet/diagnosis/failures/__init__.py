"""Failures between "somebody applied it" and "a ready endpoint gets traffic", as operators meet them.

The objects and events are worded as the API server, the kubelet, the scheduler and the controllers word them.
"""
