"""Exit codes, the same for every command."""

from __future__ import annotations

OK = 0
PROBLEM = 1
"""The command worked and found something wrong, or broke in a way nobody foresaw."""
USAGE = 2
"""Wrong flags, or a configuration or kubeconfig that cannot be used."""
UNREACHABLE = 3
"""Nothing that was asked for could be reached."""
REFUSED = 4
"""An action was not done: read-only, no permission, a check that forbids it, a rule, or the person said no."""
INTERRUPTED = 130
