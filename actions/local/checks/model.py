"""Is the model on this machine, complete, and with the right checksums?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from actions.local.machine import Reading, unheard
from actions.number_words import count
from actions.planning.plan import Check, Verdict
from fleet.local.fit.checksums import Verified, stated_checksums
from fleet.local.fit.files import ModelFiles, hub_cache, locate, survey
from fleet.local.fit.memory import GIB, gib
from fleet.local.spec import LaunchSpec

READ: Final = 4 * GIB
"""Bytes whose checksums are verified without a request: a few seconds."""
_SHOWN: Final = 200
"""Characters of a path that are repeated."""


def find_model(spec: LaunchSpec, environ: Mapping[str, str]) -> tuple[ModelFiles | None, Check]:
    """Return the files of the model, and the check of them. Blocks."""
    about = "model"
    try:
        place = locate(spec.model, spec.revision, {**environ, **spec.env})
        files = survey(place) if place is not None else None
    except (OSError, RuntimeError) as error:
        # RuntimeError: an unknown user's home, a loop of links (pathlib).
        why = getattr(error, "strerror", None) or error
        return None, Check(about, Verdict.BLOCK, f"{spec.model[:_SHOWN]} cannot be read: {why}", "check the path")
    if files is None:
        return None, _absent(spec, environ)
    if files.problems and spec.hub and not Path(spec.model).expanduser().exists():
        return files, Check(about, Verdict.WARN, f"{'; '.join(files.problems)}: vLLM downloads it from the hub")
    if files.problems:
        return files, Check(
            about, Verdict.BLOCK, "; ".join(files.problems), "download the model again, or the missing part"
        )
    whole = f"{count(len(files.weights), 'weight file')}, {gib(files.size)}, complete"
    if files.doubts:
        return files, Check(about, Verdict.WARN, f"{whole}; {'; '.join(files.doubts)}")
    return files, Check(about, Verdict.PASS, f"{files.folder}: {whole}")


def _absent(spec: LaunchSpec, environ: Mapping[str, str]) -> Check:
    about = "model"
    if spec.model.startswith(("/", ".", "~")) or spec.model.count("/") != 1:
        what = f"{spec.model or 'no model'} is neither a folder here nor a name on the hub (org/name)"
        return Check(about, Verdict.BLOCK, what, "check the path")
    cache = hub_cache({**environ, **spec.env})
    if spec.hub:
        return Check(about, Verdict.WARN, f"{spec.model} is not here: vLLM downloads it from the hub into {cache}")
    what = f"{spec.model} is not in {cache}, and the hub is disabled (HF_HUB_OFFLINE)"
    return Check(about, Verdict.BLOCK, what, "allow it with --hub, or give the model's folder")


async def check_checksums(
    files: ModelFiles, remembered: Path, *, verify: bool, reading: Reading = unheard
) -> Check | None:
    """Verify the stated checksums; None if there are none. ``reading`` receives the progress."""
    about = "checksums"
    wanted = await asyncio.to_thread(stated_checksums, files.weights)
    if not wanted:
        return None
    verified = Verified(remembered)
    read = 0

    def further(bytes_: int) -> None:
        nonlocal read
        read += bytes_
        reading(read, size)

    try:
        unread = {path: digest for path, digest in wanted.items() if not verified.knows(path, digest)}
        size = sum(path.stat().st_size for path in unread)
        if size > READ and not verify:
            what = f"not compared: {gib(size)} would have to be read"
            return Check(about, Verdict.WARN, what, "--verify reads them once")
        wrong = [path.name for path, digest in unread.items() if not await verified.check(path, digest, further)]
    except OSError as error:
        return Check(about, Verdict.WARN, f"they could not be compared: {error}")
    finally:
        # Also after cancellation.
        reading(0, 0)
    if wrong:
        what = f"{', '.join(wrong)}: SHA-256 differs from the manifest"
        return Check(about, Verdict.BLOCK, what, "download it again: it is damaged, or a different file")
    return Check(about, Verdict.PASS, f"SHA-256 of {count(len(wanted), 'file')} as stated")
