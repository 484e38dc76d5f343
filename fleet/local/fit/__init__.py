"""Whether a model is whole, and whether it fits. Reads files and does arithmetic; nothing is started."""
