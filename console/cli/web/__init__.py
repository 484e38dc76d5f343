"""``quarterdeck web``: the console in browsers, read-only."""
