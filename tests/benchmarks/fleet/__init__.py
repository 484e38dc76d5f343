"""A fleet that answers cheaply: thousands of engines' pages and the API server that names them, in one process.

The simulator behaves like a fleet and costs accordingly; measuring a reader needs a server that is never the slower
side. Pages are templates of what the simulator's engines answer; each answer moves the numbers on.
"""
