"""The folder of the audit log. Reading it constructs nothing that could act, so read-only mode has it too."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from actions.audit.who import login
from console.config import paths
from console.config.settings import Settings


def audit_folder(settings: Settings, environ: Mapping[str, str]) -> Path:
    """Return the folder of this user's log: in the folder from the settings, else in the state folder.

    A log belongs to one user, who alone may write it; a folder set by a policy is shared by all.
    """
    folder = audit_logs(settings, environ)
    return folder / login(os.getuid()) if settings.actions.audit_dir else folder


def audit_logs(settings: Settings, environ: Mapping[str, str]) -> Path:
    """The folder to read from: that of all logs where the settings name one."""
    if settings.actions.audit_dir:
        return Path(settings.actions.audit_dir).expanduser()
    return paths.state_folder(environ) / "audit"
