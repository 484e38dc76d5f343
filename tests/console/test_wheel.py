"""The wheel: what pipx and uv would install."""

from __future__ import annotations

import email
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from console import __version__

ROOT = Path(__file__).parents[2]
ROOMS = {"actions", "console", "fleet", "simulator", "themes", "widgets"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [built] = folder.glob("*.whl")
    return built


def test_it_holds_the_rooms_and_their_data_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    data, info = f"quarterdeck-{__version__}.data", f"quarterdeck-{__version__}.dist-info"
    assert {name.partition("/")[0] for name in names} == {*ROOMS, data, info}
    assert {name.removeprefix(f"{data}/data/share/") for name in names if name.startswith(data)} == {
        "man/man1/quarterdeck.1",
        "bash-completion/completions/quarterdeck",
        "zsh/site-functions/_quarterdeck",
        "fish/vendor_completions.d/quarterdeck.fish",
    }
    for room in ROOMS:
        assert f"{room}/py.typed" in names
        files = [p for p in (ROOT / room).rglob("*") if p.is_file() and p.suffix not in {".py", ".pyc"}]
        assert {str(p.relative_to(ROOT)) for p in files} <= set(names)


def test_it_installs_the_commands_and_names_its_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        info = f"quarterdeck-{__version__}.dist-info"
        scripts = opened.read(f"{info}/entry_points.txt").decode().split()
        metadata = email.message_from_bytes(opened.read(f"{info}/METADATA"))
    assert {s for s in scripts if s.startswith(("qd", "quarterdeck", "kubectl"))} == {
        "quarterdeck",
        "qd",
        "kubectl-quarterdeck",
        "kubectl_complete-quarterdeck",
    }
    assert metadata["Version"] == __version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "quarterdeck" in str(metadata.get_payload()).lower()


def test_it_runs_from_where_it_was_unpacked(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(tmp_path)
    code = (
        "import console, console.report.schema as schema, themes.textual_themes as themes\n"
        "from pathlib import Path\n"
        "print(Path(console.__file__).parents[1])\n"
        "print(schema.SHIPPED.exists(), Path(themes.STYLESHEET).exists())"
    )
    environ = dict(os.environ) | {"PYTHONPATH": str(tmp_path)}

    def run(*arguments: str) -> str:
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd="/", env=environ, check=True, capture_output=True, text=True).stdout

    assert run("-c", code).split() == [str(tmp_path), "True", "True"]
    assert run("-m", "console.main", "--version") == f"quarterdeck {__version__}\n"
    assert "usage: quarterdeck demo" in run("-m", "console.main", "demo", "--help")
