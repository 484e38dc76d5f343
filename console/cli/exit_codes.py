"""Exit codes, the same for every command."""

from __future__ import annotations

OK = 0
PROBLEM = 1
"""The command worked and found a problem, or failed unexpectedly."""
USAGE = 2
"""Wrong flags, or a configuration or kubeconfig that cannot be used."""
UNREACHABLE = 3
"""Nothing that was requested could be reached."""
REFUSED = 4
"""An action was not executed: read-only mode, no permission, a blocking check, a rule, or the user declined."""
INTERRUPTED = 130
