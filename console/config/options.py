"""Options of the console, from the settings and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from fleet.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the console; the look (theme, glyphs) is decided before (themes.look.use)."""

    read_only: bool = False
    production: tuple[str, ...] = ()
    """Shell patterns of the contexts and clusters that are production."""
    keymap: Mapping[str, str] = field(default_factory=dict)
    """Command id → keys, checked by console.commands.keys.check_keymap."""
    audit: Path | None = None
    """The folder of the audit log; None where there is none to look at."""
    audit_here: Path | None = None
    """The same of what is done on this machine; None where it is in that folder, too."""
    servers: Path | None = None
    """Folder of the records of this machine's vLLM servers; None where nobody looks for them by himself."""
    welcome: Path | None = None
    """File that is there once the first start is over; None where nobody is to be welcomed."""
    state: Path | None = None
    """Folder of what the console keeps for this person (logs that were saved, what was dismissed); None for nowhere."""
