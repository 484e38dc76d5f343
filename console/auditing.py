"""Where the audit log is. Reading it constructs nothing that could act, so read-only mode has it too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from console.config import paths
from console.config.settings import Settings


def audit_folder(settings: Settings, environ: Mapping[str, str]) -> Path:
    """The folder of the log: where policy says, else in the user's state folder."""
    if settings.actions.audit_dir:
        return Path(settings.actions.audit_dir).expanduser()
    return paths.state_folder(environ) / "audit"
