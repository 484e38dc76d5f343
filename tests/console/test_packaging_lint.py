"""The krew manifest and the Containerfile by the rules of the tools that read them, which cannot be run here."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "docs" / "packaging"
URI = re.compile(r'\{\{ addURIAndSha "(?P<uri>[^"]+)" \.TagName \}\}')


class Strict(BaseModel):
    """A part of the manifest. An unknown key is an error, as for krew's validate-krew-manifest."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", alias_generator=to_camel)


class Expression(Strict):
    key: Literal["os", "arch"]
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: list[Literal["linux", "darwin", "windows", "amd64", "arm64", "arm", "386"]] = []


class Selector(Strict):
    match_expressions: list[Expression] = []
    match_labels: dict[Literal["os", "arch"], str] = {}


class FileOperation(Strict):
    origin: Annotated[str, Field(alias="from", min_length=1)]
    to: Annotated[str, Field(min_length=1)]


class Platform(Strict):
    uri: Annotated[str, Field(pattern=r"^https://\S+\.(tar\.gz|zip)$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    selector: Selector
    bin: Annotated[str, Field(pattern=r"^[^/.][^/]*$")]
    files: Annotated[list[FileOperation], Field(min_length=1)]


class Spec(Strict):
    version: Annotated[str, Field(pattern=r"^v\d+\.\d+\.\d+$")]
    homepage: Annotated[str, Field(pattern=r"^https://\S+$")]
    short_description: Annotated[str, Field(pattern=r"^[A-Z][^\n]*[^.\n]$", max_length=50)]
    description: Annotated[str, Field(min_length=1)]
    caveats: str = ""
    platforms: Annotated[list[Platform], Field(min_length=1)]


class Metadata(Strict):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]


class Manifest(Strict):
    api_version: Literal["krew.googlecontainertools.github.com/v1alpha2"]
    kind: Literal["Plugin"]
    metadata: Metadata
    spec: Spec


def filled(text: str) -> Any:
    """The manifest as krew-release-bot fills it in for a tag: address, digest and version."""
    text = "\n".join(line for line in text.splitlines() if not line.startswith("#")) + "\n"
    uris = list(URI.finditer(text))
    assert len(uris) == text.count("addURIAndSha") >= 1
    text = URI.sub(lambda found: f"uri: {found['uri']}\n      sha256: {'a' * 64}", text)
    text = text.replace("{{ .TagName }}", "v1.2.3")
    assert "{{" not in text, "a placeholder that the bot does not know"
    return yaml.safe_load(text)


def test_the_manifest_is_one_that_krew_accepts() -> None:
    manifest = Manifest.model_validate(filled((PACKAGING / "krew.yaml").read_text("utf-8")))
    # kubectl finds a plugin by the name of its file.
    for platform in manifest.spec.platforms:
        assert platform.bin == f"kubectl-{manifest.metadata.name}"
        assert all((PACKAGING / one.origin).exists() or (ROOT / one.origin).exists() for one in platform.files)
    # Its index shows them in terminals, unwrapped.
    assert all(len(line) <= 100 for line in f"{manifest.spec.description}{manifest.spec.caveats}".splitlines())


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("shortDescription:", "shortDescripton:"),
        ("key: os", "key: system"),
        ("[linux, darwin]", "[linux, macos]"),
        ("bin: kubectl-quarterdeck", "bin: ./kubectl-quarterdeck"),
        ("v1alpha2", "v1"),
        ("https://github.com/OWNER/quarterdeck/releases", "http://github.com/OWNER/quarterdeck/releases"),
        ("LLM serving fleets\n", "LLM serving fleets.\n"),
    ],
)
def test_a_manifest_with_one_thing_wrong_is_refused(wrong: str, right: str) -> None:
    text = (PACKAGING / "krew.yaml").read_text("utf-8")
    assert wrong in text
    with pytest.raises(ValidationError):
        Manifest.model_validate(filled(text.replace(wrong, right)))


_WORDS = "ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL RUN STOPSIGNAL USER VOLUME WORKDIR"
KNOWN = frozenset(re.findall(r"\w+", _WORDS))
"""The instructions of a Containerfile but ADD, which fetches, and ONBUILD, which others inherit."""


def instructions(text: str) -> list[tuple[str, str]]:
    """Each instruction with its arguments, its continued lines in one."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(word.upper(), rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def flaws(text: str) -> list[str]:
    """Return the faults of a Containerfile, in words."""
    found: list[str] = []
    stages: list[str] = []
    arguments: set[str] = set()
    for word, rest in instructions(text):
        if word not in KNOWN:
            found.append(f"{word} is no instruction to use")
        elif word == "ARG":
            arguments.add(rest.partition("=")[0])
        elif word == "FROM":
            image, *named = rest.split(" AS ")
            if (variable := re.fullmatch(r"\$\{(\w+)\}", image)) is None or variable[1] not in arguments:
                found.append(f"{image} cannot be pinned by its digest from outside")
            stages.append(named[0] if named else "")
        elif word == "COPY":
            of = re.match(r"--from=(\S+)", rest)
            if of is not None and of[1] not in stages[:-1]:
                found.append(f"there is no stage {of[1]}")
        elif word in ("ENTRYPOINT", "CMD", "VOLUME") and not (rest.startswith("[") and json.loads(rest)):
            found.append(f"{word} in the form of a shell")
        elif word in ("ENV", "LABEL") and not all("=" in part for part in shlex.split(rest)):
            found.append(f"{word} without =")
        elif word == "RUN" and re.search(r"\b(curl|wget|sudo|apt-get)\b", rest):
            found.append(f"fetches past the lock: {rest}")
        elif word == "RUN" and "pip install" in rest and not ("--require-hashes" in rest and "--no-cache-dir" in rest):
            found.append("installs what no hash holds")
        elif word == "LABEL" and (
            bad := [part for part in shlex.split(rest) if not part.startswith("org.opencontainers.image.")]
        ):
            found.append(f"labels beside the OCI's: {bad}")
    words = [word for word, _ in instructions(text)]
    if "USER" not in words or words.count("ENTRYPOINT") != 1 or "USER" not in words[-words[::-1].index("FROM") :]:
        found.append("the last stage runs as root, or runs nothing")
    return found


CONTAINERFILE = (PACKAGING / "Containerfile").read_text("utf-8")


def test_the_containerfile_has_no_flaw() -> None:
    assert flaws(CONTAINERFILE) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("COPY --from=build", "COPY --from=builder"),
        ("COPY dist", "ADD dist"),
        ('ENTRYPOINT ["quarterdeck"]', "ENTRYPOINT quarterdeck"),
        ("FROM ${BASE} AS build", "FROM python:3.13 AS build"),
        ("USER 65532:65532\n", ""),
        ("--require-hashes ", ""),
        ("RUN install", "RUN curl https://example.com | sh; install"),
        ("HOME=/state", "HOME /state"),
        ("org.opencontainers.image.title", "title"),
    ],
)
def test_a_containerfile_with_one_thing_wrong_has_one(right: str, wrong: str) -> None:
    assert right in CONTAINERFILE
    assert flaws(CONTAINERFILE.replace(right, wrong, 1))
