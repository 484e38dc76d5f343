"""Places of files: the XDG base directories."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

NAME = "quarterdeck"
SITE_POLICY = Path("/etc/quarterdeck/policy.toml")
"""Owned by the administrator; can tighten what users set, never loosen it."""


def config_file(environ: Mapping[str, str]) -> Path:
    """The configuration file of this user, whether it exists or not."""
    return _base(environ, "XDG_CONFIG_HOME", ".config") / NAME / "config.toml"


def state_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder for crash reports."""
    return _base(environ, "XDG_STATE_HOME", ".local/state") / NAME


def _base(environ: Mapping[str, str], variable: str, fallback: str) -> Path:
    """Return an XDG base directory. A relative path in the variable is ignored, as the specification says.

    Absolute whatever HOME is: the files must be found again from another folder.
    """
    given = Path(environ.get(variable, ""))
    return given if given.is_absolute() else Path(environ.get("HOME") or Path.home()).absolute() / fallback
