"""quarterdeck local: flags, what only looks, what acts, and how a start is told of."""
