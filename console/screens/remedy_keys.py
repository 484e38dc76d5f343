"""The key of a remedy on a screen that names remedies."""

from __future__ import annotations

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.commands.dispatch import closed_by
from console.commands.keys import key_text, keys_of
from console.commands.table import by_name, commands_for


def key_for(desk: Desk, where: ScreenId, about: str | None, name: str) -> str:
    """Return the key of a command, ``:name`` if it has none; for a command of the nodes screen, with the way there.
    Empty if no mode allows it: the remedy is one for somebody else, or for another time. ``about`` is the key of the
    object that the remedy is for.
    """
    here = next((one for one in commands_for(where) if name in one.names), None)
    there = here or by_name(name, ScreenId.NODES)
    snapshot = desk.snapshot
    if snapshot is not None and (about in snapshot.nodes or about in snapshot.gpus):
        # There a command may mean the node where it means the pod here (drain).
        there = by_name(name, ScreenId.NODES) or here
        here = here if here is there else None
    if there is not None and closed_by(there, snapshot, read_only=desk.read_only) is not None:
        return ""
    keys = keys_of(there, desk.options.keymap) if there is not None else ()
    if there is None or not keys:
        return f":{name}"
    way = "" if here is not None else f"{key_for(desk, where, about, 'nodes')} "
    return f"{way}{key_text(keys[0])}"
