"""A corpus of incidents with their truth, made from the simulator, and how the diagnosis does on it."""
