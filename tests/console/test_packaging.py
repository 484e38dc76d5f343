"""Contents of the packages: existing files, no root, and one place for the version."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import yaml

from console import __version__

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "docs" / "packaging"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_what_the_wheel_shares_is_in_the_source_that_it_is_built_from() -> None:
    targets = PROJECT["tool"]["hatch"]["build"]["targets"]
    shared = targets["wheel"]["shared-data"]
    assert all((ROOT / file).is_file() for file in shared)
    assert all(any(file.startswith(kept) for kept in targets["sdist"]["include"]) for file in shared)
    assert PROJECT["tool"]["check-wheel-contents"]["toplevel"] == targets["wheel"]["packages"]


def test_the_container_has_no_root_and_writes_nowhere_but_where_something_is_mounted() -> None:
    stages = (PACKAGING / "Containerfile").read_text("utf-8").split("\nFROM ")
    last = stages[-1]
    assert re.search(r"^USER 65532:65532$", last, re.MULTILINE)
    assert last.index("USER") > last.index("RUN"), "what is made is made before"
    assert 'VOLUME ["/state", "/tmp"]' in last
    assert re.search(r'^ENTRYPOINT \["(.*)"\]$', last, re.MULTILINE)[1] in PROJECT["project"]["scripts"]  # type: ignore[index]
    assert "--require-hashes" in stages[1]
    assert "latest" not in "".join(stages)


def test_the_manifest_of_krew_is_one_and_what_it_installs_finds_this_version(tmp_path: Path) -> None:
    text = (PACKAGING / "krew.yaml").read_text("utf-8")
    uri = re.search(r"\{\{ addURIAndSha \"(.*?)\" \.TagName \}\}", text)
    assert uri is not None
    filled = text.replace(uri[0], f"uri: {uri[1]}\n      sha256: {'0' * 64}").replace("{{ .TagName }}", "v1.2.3")
    manifest = yaml.safe_load(filled)
    assert (manifest["kind"], manifest["metadata"]["name"]) == ("Plugin", "quarterdeck")
    assert len(manifest["spec"]["shortDescription"]) <= 50
    [platform] = manifest["spec"]["platforms"]
    names = {file["from"] for file in platform["files"]}
    assert names == {platform["bin"], "LICENSE"}
    script = PACKAGING / platform["bin"]
    assert os.access(script, os.X_OK)
    assert f"QUARTERDECK_VERSION:-{__version__}" in script.read_text("utf-8")
    # A machine with only uv, then without it.
    uv = tmp_path / "uv"
    uv.write_text('#!/bin/sh\necho uv "$@"\n')
    uv.chmod(0o755)

    def run(path: Path) -> subprocess.CompletedProcess[str]:
        command = ["/bin/sh", str(script), "check", "-o", "table"]
        return subprocess.run(command, env={"PATH": str(path)}, capture_output=True, text=True, check=False)

    assert run(tmp_path).stdout == f"uv tool run --python >=3.11 quarterdeck@{__version__} check -o table\n"
    nothing = run(tmp_path / "none")
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert "Install uv" in nothing.stderr
