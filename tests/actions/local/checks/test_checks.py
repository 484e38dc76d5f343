"""The checks other than memory: model, name, port, address, arguments, machine."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from actions.local.checks.arguments import check_extra
from actions.local.checks.launch import check_launch, check_vllm
from actions.local.checks.model import check_checksums, find_model
from actions.local.checks.place import check_address, check_name, check_port
from actions.local.checks.system import check_fp8_on_cpu, check_session, check_shared, cpu_flags, other_accelerator
from actions.local.machine import Installed, Machine
from actions.planning.plan import Verdict
from fleet.local.fit.files import survey
from fleet.local.fit.memory import GIB
from fleet.local.gpus import GpuReading, LocalGpu
from fleet.local.process import Identity
from fleet.local.record import ServerRecord
from fleet.local.server import Phase, ServerState, StartStage
from fleet.local.spec import LaunchSpec
from tests.fleet.local.fit.models import LLAMA_8B, model
from tests.ports import free_port

SPEC = LaunchSpec("n", "org/name")


def server(phase: Phase, port: int = 8000) -> ServerState:
    record = ServerRecord("id", replace(SPEC, port=port), Identity(1, 0.0), (), "", 0.0, "")
    return ServerState(record, 1.0, StartStage(phase, 0.0))


class Servers:
    async def poll(self) -> tuple[ServerState, ...]:
        return ()


def test_a_model_that_is_nowhere_needs_the_hub(tmp_path: Path) -> None:
    environ = {"HF_HUB_CACHE": str(tmp_path)}
    files, check = find_model(SPEC, environ)
    assert (files, check.verdict) == (None, Verdict.BLOCK)
    assert "--hub" in check.fix
    _, check = find_model(replace(SPEC, hub=True), environ)
    assert check.verdict is Verdict.WARN
    assert str(tmp_path) in check.text
    _, check = find_model(replace(SPEC, model=str(tmp_path / "gone"), hub=True), environ)
    assert check.verdict is Verdict.BLOCK


def test_a_model_that_lacks_a_shard_blocks(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    spec = replace(SPEC, model=str(folder))
    assert find_model(spec, {})[1].verdict is Verdict.PASS
    (folder / "model-00002-of-00002.safetensors").unlink()
    _, check = find_model(spec, {})
    assert check.verdict is Verdict.BLOCK
    assert "model-00002-of-00002.safetensors" in check.text


async def test_a_wrong_checksum_blocks_and_a_large_one_waits_to_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = model(tmp_path / "m", shards=1)
    shard = folder / "model-00001-of-00001.safetensors"
    known = tmp_path / "known.json"
    assert await check_checksums(survey(folder), known, verify=True) is None
    (folder / "SHA256SUMS").write_text(f"{'0' * 64}  {shard.name}\n")
    found: list[tuple[int, int]] = []
    size = shard.stat().st_size
    wrong = await check_checksums(survey(folder), known, verify=False, reading=lambda *far: found.append(far))
    assert found == [(size, size), (0, 0)]
    assert wrong is not None
    assert wrong.verdict is Verdict.BLOCK
    assert shard.name in wrong.text
    (folder / "SHA256SUMS").write_text(f"{sha256(shard.read_bytes()).hexdigest()}  {shard.name}\n")
    monkeypatch.setattr("actions.local.checks.model.READ", 1)
    for verify, verdict in ((False, Verdict.WARN), (True, Verdict.PASS), (False, Verdict.PASS)):
        check = await check_checksums(survey(folder), known, verify=verify)
        assert check is not None
        assert check.verdict is verdict


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_that_is_taken_names_who_listens_and_another(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as taken:
        try:
            taken.bind((host, 0))
        except OSError:
            pytest.skip(f"no {host} on this machine")
        taken.listen()
        port = taken.getsockname()[1]
        check = check_port(replace(SPEC, host=host, port=port), ())
        assert check.verdict is Verdict.BLOCK
        assert f"(pid {os.getpid()})" in check.text
        assert check.fix.startswith("--port ")
        own = check_port(replace(SPEC, host=host, port=port), (server(Phase.READY, port),), "id")
        assert own.verdict is Verdict.PASS
    assert check_port(replace(SPEC, host=host, port=port), ()).verdict is Verdict.PASS


def test_the_port_of_a_server_that_does_not_listen_yet_is_taken() -> None:
    port = free_port()
    check = check_port(replace(SPEC, port=port), (server(Phase.COMPILING, port),))
    assert check.verdict is Verdict.BLOCK
    assert check.text == f"127.0.0.1:{port} is taken by the server n"
    beside = (server(Phase.COMPILING, port), server(Phase.STARTING, port + 1))
    assert f"--port {port + 1} " not in check_port(replace(SPEC, port=port), beside).fix
    assert check_port(replace(SPEC, port=port), (server(Phase.DEAD, port),)).verdict is Verdict.PASS


def test_an_address_of_another_machine_blocks() -> None:
    check = check_port(replace(SPEC, host="192.0.2.1"), ())
    assert (check.verdict, check.fix) == (Verdict.BLOCK, "")
    assert "not an address of this machine" in check.text


def test_others_that_reach_it_are_a_warning() -> None:
    assert check_address(SPEC).verdict is Verdict.PASS
    assert check_address(replace(SPEC, host="::1")).verdict is Verdict.PASS
    assert check_address(replace(SPEC, host="0.0.0.0")).verdict is Verdict.WARN


def test_names() -> None:
    assert check_name(SPEC, ()).verdict is Verdict.PASS
    assert check_name(SPEC, (server(Phase.READY),)).verdict is Verdict.BLOCK
    assert check_name(SPEC, (server(Phase.DEAD),)).verdict is Verdict.WARN
    assert check_name(SPEC, (server(Phase.READY),), "id").verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("extra", "about"),
    [
        (("--port", "1"), "its own flag for port"),
        (("--max_model_len=5",), "its own flag for max model len"),
        (("-tp", "2"), "tensor parallel size"),
        (("--api-key=sk-secret",), "everybody on this machine can read"),
        (("--api-k", "sk-secret"), "--api-key would be on the command line"),
    ],
)
def test_arguments_that_may_not_be_handed_on(extra: tuple[str, ...], about: str) -> None:
    check = check_extra(extra)
    assert check is not None
    assert check.verdict is Verdict.BLOCK
    assert about in check.text
    assert "sk-secret" not in check.text + check.fix


def test_arguments_that_may() -> None:
    assert check_extra(()) is None
    check = check_extra(("--enable-sleep-mode", "--api-server-count", "2"))
    assert check is not None
    assert check.verdict is Verdict.PASS


def test_vllm() -> None:
    named = check_vllm(None, "/opt/vllm")
    assert (named.verdict, named.text.split()[0]) == (Verdict.BLOCK, "/opt/vllm")
    assert "not installed" not in named.text
    missing = check_vllm(None)
    assert missing.verdict is Verdict.BLOCK
    assert "quarterdeck[local]" in missing.fix
    assert check_vllm(Installed("vllm")).verdict is Verdict.WARN
    assert check_vllm(Installed("vllm", "0.5.4")).verdict is Verdict.WARN
    assert check_vllm(Installed("vllm", "0.32.0")).verdict is Verdict.PASS


def test_logind_and_shared_memory(tmp_path: Path) -> None:
    (tmp_path / "logind.conf").write_text("#KillUserProcesses=yes\n")
    drop = tmp_path / "logind.conf.d"
    drop.mkdir()
    files = (tmp_path / "logind.conf", drop)
    assert check_session(files, tmp_path).verdict is Verdict.PASS
    (drop / "a.conf").write_text("[Login]\nKillUserProcesses=yes\n")
    assert check_session(files, tmp_path).verdict is Verdict.WARN
    assert check_session(files, tmp_path / "no systemd").verdict is Verdict.PASS
    assert check_shared(1, 0) is None
    assert check_shared(2, 2 * GIB) is None
    small = check_shared(2, GIB)
    assert small is not None
    assert small.verdict is Verdict.WARN


async def test_a_machine_without_gpus_says_so_and_sets_what_vllm_needs(tmp_path: Path) -> None:
    folder = model(tmp_path / "m", {**LLAMA_8B, "max_position_embeddings": 128})
    machine = Machine(tmp_path, {}, Servers(), gpus=lambda: GpuReading(problem="no NVIDIA driver on this machine"))
    spec = replace(SPEC, model=str(folder))
    looked = await check_launch(spec, machine, Installed("vllm", "0.32.0", cpu=True))
    verdicts = {check.about: check.verdict for check in looked.checks}
    assert verdicts["GPUs"] is Verdict.WARN
    assert looked.environment["VLLM_TARGET_DEVICE"] == "cpu"
    assert int(looked.environment["VLLM_CPU_KVCACHE_SPACE"]) >= 1
    given = await check_launch(
        replace(spec, env={"VLLM_CPU_KVCACHE_SPACE": "3"}), machine, Installed("vllm", "0.32.0", cpu=True)
    )
    assert given.environment["VLLM_CPU_KVCACHE_SPACE"] == "3"
    shared = await check_launch(replace(spec, tensor_parallel_size=2), machine, Installed("vllm", "0.32.0", cpu=True))
    assert {check.about: check.verdict for check in shared.checks}["parallelism"] is Verdict.WARN
    refused = await check_launch(spec, machine, Installed("vllm", "0.32.0"))
    assert {check.about: check.verdict for check in refused.checks}["GPUs"] is Verdict.BLOCK


@pytest.mark.parametrize(
    ("dtype", "flags", "refused"),
    [
        ("fp8", "fpu sse2 avx2", True),
        ("fp8_e5m2", "fpu avx2 fma", True),
        ("fp8", "fpu avx2 avx512f", False),
        ("fp8", "fpu avx2 amx_tile", False),
        ("auto", "fpu avx2", False),
        ("bfloat16", "fpu avx2", False),
        ("fp8", "", False),
    ],
)
def test_an_fp8_kv_cache_on_a_cpu_without_the_instructions_is_refused_at_once(
    tmp_path: Path, dtype: str, flags: str, refused: bool
) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(f"processor\t: 0\nflags\t\t: {flags}\n" if flags else "Features\t: asimd sve\n")
    check = check_fp8_on_cpu(replace(SPEC, kv_cache_dtype=dtype), cpu_flags(info))
    assert (check is not None) is refused
    assert cpu_flags(tmp_path / "none") == frozenset()


@pytest.mark.parametrize("space", ["1.5", "0", "-1", "4GiB", "", "many"])
async def test_a_space_that_vllm_would_not_read_is_refused_with_one_that_it_does(tmp_path: Path, space: str) -> None:
    machine = Machine(
        tmp_path, {"VLLM_CPU_KVCACHE_SPACE": "2"}, Servers(), gpus=lambda: GpuReading(problem="no driver")
    )
    spec = replace(SPEC, model=str(model(tmp_path / "m")), env={"VLLM_CPU_KVCACHE_SPACE": space})
    looked = await check_launch(spec, machine, Installed("vllm", "0.32.0", cpu=True))
    (refused,) = [
        check for check in looked.checks if check.verdict is Verdict.BLOCK and "not a whole number" in check.text
    ]
    proposed = refused.fix.split("=")[1].split(",")[0]
    spec = replace(spec, env={"VLLM_CPU_KVCACHE_SPACE": proposed})
    looked = await check_launch(spec, machine, Installed("vllm", "0.32.0", cpu=True))
    assert not any("not a whole number" in check.text for check in looked.checks)


async def test_a_space_of_the_shell_that_vllm_would_not_read_is_replaced(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {"VLLM_CPU_KVCACHE_SPACE": "1.5"}, Servers(), gpus=lambda: GpuReading(problem="none"))
    spec = replace(SPEC, model=str(model(tmp_path / "m", {**LLAMA_8B, "max_position_embeddings": 128})))
    looked = await check_launch(spec, machine, Installed("vllm", "0.32.0", cpu=True))
    assert int(looked.environment["VLLM_CPU_KVCACHE_SPACE"]) >= 1
    (table,) = looked.tables
    assert ("for the KV cache", "VLLM_CPU_KVCACHE_SPACE, chosen for this machine") in [(r[0], r[2]) for r in table.rows]


async def test_a_gpu_that_does_not_tell_its_memory_is_no_reason_to_refuse(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    machine = Machine(tmp_path, {}, Servers(), gpus=lambda: GpuReading((LocalGpu(0, "GPU-0", "GB10", 0, 0, 0),)))
    looked = await check_launch(replace(SPEC, model=str(folder)), machine, Installed("vllm", "0.32.0"))
    (memory,) = (check for check in looked.checks if check.about == "memory")
    assert memory.verdict is Verdict.WARN
    assert "GB10" in memory.text


def test_accelerators_that_are_not_nvidias(tmp_path: Path) -> None:
    assert other_accelerator("0.11.0+rocm641", tmp_path) == "AMD (ROCm)"
    assert other_accelerator("0.9.1+xpu", tmp_path) == "Intel (XPU)"
    assert other_accelerator("0.32.0+cu129", tmp_path) == ""
    (tmp_path / "kfd").touch()
    assert other_accelerator("0.32.0", tmp_path) == "AMD (ROCm)"


async def test_on_another_accelerator_it_starts_without_a_check_of_its_memory(tmp_path: Path) -> None:
    spec = replace(SPEC, model=str(model(tmp_path / "m")), port=free_port())
    machine = Machine(tmp_path, {}, Servers(), "vllm", 1.0, lambda: GpuReading(problem="no NVIDIA driver"))
    looked = await check_launch(spec, machine, Installed("vllm", "0.11.0+rocm641"))
    assert not [check for check in looked.checks if check.verdict is Verdict.BLOCK]
    gpus = next(check for check in looked.checks if check.about == "GPUs")
    assert (gpus.verdict, gpus.text.startswith("AMD (ROCm)")) == (Verdict.WARN, True)
    assert looked.environment == {}
    looked = await check_launch(spec, machine, Installed("vllm", "0.11.0"))
    assert "not a build for CPUs" in next(c.text for c in looked.checks if c.verdict is Verdict.BLOCK)
