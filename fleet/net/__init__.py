"""What every client of this program has in common on the way out: bounded bodies, proxies, redirects, plain URLs."""
