"""The truth of a recorded incident, in a TOML file beside the recording: quarterdeck/truth/v1.

``NAME.toml`` belongs to ``NAME.qdr``. A file without faults covers calm hours, in which nothing must be found.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from fleet.files import is_there
from fleet.recorder.problem import first_problem

SCHEMA: Literal["quarterdeck/truth/v1"] = "quarterdeck/truth/v1"


class TruthError(Exception):
    """A file that is not a valid truth, or has no recording: which file, and what is wrong with it."""


def _pattern(text: object) -> object:
    if isinstance(text, str):
        try:
            re.compile(text)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
    return text


Pattern = Annotated[str, BeforeValidator(_pattern)]
"""Regular expression that is searched for, in upper or lower case."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class TrueFinding(_Part):
    """A finding that is right, by its cause and its object."""

    cause: tuple[str, ...] = ()
    """Ids of causes, any of which is right."""
    says: Pattern | None = None
    """Pattern that the sentence or words of a right incident match, whatever its cause id."""
    object: tuple[str, ...] = ()
    """Keys of objects, any of which is right, as ``snapshot --json`` has them; empty for any object."""


class TrueFault(TrueFinding):
    """One fault, which has one cause."""

    onset: float
    """Unix time at which it begins."""
    evidence: tuple[Pattern, ...] = ()
    """Patterns, each of which must match the shown evidence."""
    actions: tuple[str, ...] = ()
    """Console commands that are acceptable next steps; one of them must be offered."""


class Truth(_Part):
    """The truth of one recording."""

    schema_: Literal["quarterdeck/truth/v1"] = Field(alias="schema")
    kind: str
    """Kind of incident: cases of one kind are counted together."""
    about: str = ""
    """A sentence for people."""
    held_out: bool = False
    """True for a kind of which only totals are reported, so that no cause is written to fit it."""
    faults: tuple[TrueFault, ...] = ()
    beside: tuple[TrueFinding, ...] = ()
    """Findings that are right but not required, such as a source that does not answer."""

    @property
    def is_calm(self) -> bool:
        return not self.faults

    @property
    def is_compound(self) -> bool:
        return len(self.faults) > 1


def read_truth(file: Path) -> Truth:
    """The truth in a file. Raises TruthError."""
    try:
        return Truth.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise TruthError(f"{file}: {error.strerror}") from None
    except ValidationError as error:
        raise TruthError(f"{file}: {first_problem(error)}") from None
    except ValueError as error:
        raise TruthError(f"{file}: {error}") from None


def cases(folder: Path) -> list[tuple[str, Truth, Path]]:
    """Return (name, truth, recording) of each case in a folder and its subfolders, by name. Raises TruthError."""
    if not is_there(folder) or not folder.is_dir():
        raise TruthError(f"{folder} is not a folder")
    files = sorted(folder.rglob("*.toml"))
    if not files:
        raise TruthError(f"{folder} has no truth files (NAME.toml beside NAME.qdr)")
    found = []
    for file in files:
        recording = file.with_suffix(".qdr")
        if not recording.is_file():
            raise TruthError(f"{file} has no recording beside it: {recording.name} is missing")
        found.append((str(file.relative_to(folder).with_suffix("")), read_truth(file), recording))
    return found
