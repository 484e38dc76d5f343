"""The location of a model on this machine, and whether all of its files are there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

import orjson

from fleet.dataclass import dataclass
from fleet.local.fit.safetensors import read_header
from fleet.model.counting import share

_TOKENIZERS = (
    "tokenizer.json",
    "tokenizer.model",
    "tekken.json",
    "vocab.json",
    "tokenizer_config.json",
    "spiece.model",
)


_PART = re.compile(r"(.*?)(\d+)-of-(\d+)(\.\w+)")
_MOST_PARTS = 10_000
"""Largest number of parts believed: a file name may claim any number."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The files of a model."""

    folder: Path
    """The folder; of a GGUF file, the file."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """config.json; empty where there is none, see ``problems``."""
    weights: tuple[Path, ...] = ()
    bytes_of: Mapping[str, int] = field(default_factory=dict)
    """dtype → bytes, if the files state it (safetensors)."""
    size: int = 0
    """Bytes of all weights: of the tensors where known, else of the files."""
    problems: tuple[str, ...] = ()
    """Files that lack or are broken: it cannot be served so."""
    doubts: tuple[str, ...] = ()
    """Possible faults."""


def locate(model: str, revision: str, environ: Mapping[str, str]) -> Path | None:
    """The folder (or GGUF file) of a model: a path, else its snapshot in the Hugging Face cache; None for nowhere."""
    path = Path(model).expanduser()
    if path.exists():
        return path
    if model.count("/") != 1 or model.startswith(("/", ".", "~")):
        return None
    repository = hub_cache(environ) / f"models--{model.replace('/', '--')}"
    wanted = revision or "main"
    try:
        commit = (repository / "refs" / wanted).read_text().strip()
    except OSError:
        # A revision may be given as the commit itself.
        commit = wanted
    snapshot = repository / "snapshots" / commit
    return snapshot if snapshot.is_dir() else None


def hub_cache(environ: Mapping[str, str]) -> Path:
    """Return the download folder of the Hugging Face libraries."""
    if given := environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE"):
        return Path(given).expanduser()
    if home := environ.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    base = environ.get("XDG_CACHE_HOME") or str(Path(environ.get("HOME") or Path.home()) / ".cache")
    return Path(base).expanduser() / "huggingface" / "hub"


def survey(folder: Path) -> ModelFiles:
    """Return the model's files. Reads headers, not weights. Raises OSError if the folder cannot be read."""
    if folder.is_file():
        return _one_file(folder)
    problems: list[str] = []
    config = _config(folder, problems)
    names = sorted(entry.name for entry in folder.iterdir())
    indexed, weights = _weights(folder, names, problems)
    doubts = [] if any(name in names for name in _TOKENIZERS) else ["it contains no tokenizer"]
    if any(name.endswith((".incomplete", ".part", ".aria2")) for name in names):
        doubts.append("a download into it seems to be unfinished")
    elif folder.parent.name == "snapshots" and any((folder.parent.parent / "blobs").glob("*.incomplete")):
        doubts.append("the hub's cache has an unfinished download of it")
    found: Counter[str] = Counter()
    size = 0
    for path in weights:
        if not path.exists():
            problems.append(f"{path.name} is a broken link: its target is gone")
            continue
        if path.suffix != ".safetensors":
            size += path.stat().st_size
            continue
        try:
            header = read_header(path)
        except ValueError as error:
            problems.append(f"{path.name}: {error}")
            continue
        if not header.whole:
            problems.append(f"{path.name} is cut off: {header.size:,} of {header.expected:,} bytes are there")
        found.update(header.bytes_of)
        size += sum(header.bytes_of.values())
    if not weights and not indexed:
        problems.append("it contains no weights (*.safetensors, *.bin, *.gguf)")
    return ModelFiles(folder, config, weights, dict(found), size, tuple(problems), tuple(doubts))


def _config(folder: Path, problems: list[str]) -> dict[str, Any]:
    for name in ("config.json", "params.json"):
        try:
            document = orjson.loads((folder / name).read_bytes())
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            problems.append(f"{name} cannot be read: {error}")
            return {}
        if isinstance(document, dict):
            return document
        problems.append(f"{name} is not a JSON object")
        return {}
    problems.append("it contains no config.json: this is not a model's folder")
    return {}


def _weights(folder: Path, names: list[str], problems: list[str]) -> tuple[bool, tuple[Path, ...]]:
    """Return whether there is an index, and the files of the model: those that it lists, else all files of the best
    format.
    """
    for index in (
        "model.safetensors.index.json",
        "consolidated.safetensors.index.json",
        "pytorch_model.bin.index.json",
    ):
        if index not in names:
            continue
        try:
            wanted = sorted({str(name) for name in orjson.loads((folder / index).read_bytes())["weight_map"].values()})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            problems.append(f"{index} cannot be read: {error}")
            continue
        # A broken link counts as present, and is reported as broken later.
        there = {name for name in wanted if (folder / name).exists() or (folder / name).is_symlink()}
        missing = [name for name in wanted if name not in there]
        if missing:
            shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
            problems.append(f"missing: {share(len(missing), len(wanted), 'weight file')} named by {index}: {shown}")
        return True, tuple(folder / name for name in wanted if name in there)
    whole = [name for name in names if name.endswith(".safetensors")]
    # Both formats of the same weights are sometimes shipped together.
    chosen = [name for name in whole if not name.startswith("consolidated")] or whole
    chosen = chosen or [name for name in names if name.endswith((".bin", ".pt", ".pth")) and "training" not in name]
    chosen = chosen or [name for name in names if name.endswith(".gguf")]
    problems += _missing_parts(chosen)
    return False, tuple(folder / name for name in chosen)


def _missing_parts(names: Iterable[str]) -> list[str]:
    """Return the missing files of sets that are numbered by name: ``model-00001-of-00003.safetensors``."""
    there: dict[tuple[str, int, str], set[int]] = {}
    for match in filter(None, map(_PART.fullmatch, names)):
        there.setdefault((match[1], int(match[3]), match[4]), set()).add(int(match[2]))
    found = []
    for (stem, total, ending), numbers in sorted(there.items()):
        # PyTorch parts sometimes start at 0; only their count tells.
        first = 0 if 0 in numbers else 1
        missing = [number for number in range(first, first + min(total, _MOST_PARTS)) if number not in numbers]
        if missing:
            shown = ", ".join(str(number) for number in missing[:3])
            shown += f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            what = f"{len(missing)} of {total} weight files are missing, according to the names of the others: "
            found.append(f"{what}{stem}…-of-…{total}{ending}, number {shown}")
    return found


def _one_file(file: Path) -> ModelFiles:
    with file.open("rb") as opened:
        magic = opened.read(4)
    problems: tuple[str, ...] = () if magic == b"GGUF" else (f"{file.name} is neither a folder nor a GGUF file",)
    doubts = ("the content of a GGUF file is not checked: only its size counts",)
    part = _PART.fullmatch(file.name)
    siblings = [file]
    if part is not None and not problems:
        # The other parts are read with the first.
        pattern = re.compile(rf"{re.escape(part[1])}\d+-of-{part[3]}{re.escape(part[4])}")
        siblings = sorted(each for each in file.parent.iterdir() if pattern.fullmatch(each.name)) or [file]
        problems = tuple(_missing_parts(each.name for each in siblings))
    size = sum(each.stat().st_size for each in siblings)
    return ModelFiles(file, {}, tuple(siblings), {}, size, problems, doubts)
