"""Options of the console, from the settings and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from console.config.ui_tables import SavedView
from fleet.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the console. Theme and glyphs are not among them: themes.look.use sets them earlier."""

    read_only: bool = False
    production: tuple[str, ...] = ()
    """Shell patterns of the contexts and clusters that are production."""
    keymap: Mapping[str, str] = field(default_factory=dict)
    """Command id → keys, checked by console.commands.keys.check_keymap."""
    audit: Path | None = None
    """Folder of the audit log; None for no audit screen."""
    audit_here: Path | None = None
    """Folder of the audit log of this machine's servers; None if it is the same one."""
    servers: Path | None = None
    """Folder of the records of this machine's vLLM servers; None if they are not looked for unasked."""
    welcome: Path | None = None
    """Marker file that the first start leaves behind; None for no welcome."""
    state: Path | None = None
    """Folder of the console's files for this user (saved logs, dismissed hints); None to write none."""
    view: str = ""
    """The saved view to begin with; empty for none."""
    views: Mapping[str, SavedView] = field(default_factory=dict)
    """The saved views of the settings."""
    config: Path | None = None
    """The configuration file, in which views are saved; None where nothing is to be saved."""
