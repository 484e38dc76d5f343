"""Common parts of all clients on the way out: bounded bodies, proxies, redirects, plain URLs."""
