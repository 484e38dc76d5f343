"""The stored record of a server: its permissions, its secrets, and its complete removal."""

from __future__ import annotations

import socket
import uuid
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from actions.audit.redaction_marks import MARK
from actions.local.environment import inherited, set_for
from actions.local.store import (
    KEY_VARIABLE,
    SOCKETS,
    claim,
    forget,
    keep,
    mark_ready,
    mask_variables,
    prepare,
    runtime,
    whole_env,
    without_secrets,
)
from fleet.local.errors import LocalError
from fleet.local.process import Identity
from fleet.local.record import ServerRecord, read_records
from fleet.local.spec import LaunchSpec

SPEC = LaunchSpec("tiny", "/models/tiny", env={"OMP_NUM_THREADS": "2", "HF_TOKEN": "hf_abcdefghijklmnopqrstuvwx"})


def record(folder: Path) -> ServerRecord:
    return ServerRecord(
        id="a1",
        spec=without_secrets(SPEC),
        identity=Identity(2**22, 1.0),
        argv=("vllm", "serve", "/models/tiny"),
        version="0.32.0",
        begun=100.0,
        folder=str(folder),
        keyed=True,
    )


def modes(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}


def test_a_key_is_made_and_nobody_else_reads_it(tmp_path: Path) -> None:
    folder = tmp_path / "local" / "tiny"
    prepare(folder, SPEC)
    key = (folder / "key").read_text()
    assert len(key) > 40
    assert folder.stat().st_mode & 0o777 == 0o700
    assert modes(folder) == {"key": 0o600, "secrets.json": 0o600}
    prepare(folder, SPEC)
    assert (folder / "key").read_text() != key


def test_secrets_are_kept_apart_and_come_back_for_the_server_alone(tmp_path: Path) -> None:
    prepare(tmp_path, SPEC)
    keep(record(tmp_path))
    shown = without_secrets(SPEC)
    assert shown.env == {"OMP_NUM_THREADS": "2", "HF_TOKEN": MARK}
    assert "hf_" not in (tmp_path / "record.json").read_text()
    whole = whole_env(tmp_path, shown.env)
    assert whole["HF_TOKEN"] == SPEC.env["HF_TOKEN"]
    assert whole["OMP_NUM_THREADS"] == "2"
    assert whole[KEY_VARIABLE] == (tmp_path / "key").read_text()


def test_a_key_of_ones_own_is_the_key_and_is_recorded_nowhere_else(tmp_path: Path) -> None:
    spec = replace(SPEC, env={KEY_VARIABLE: "my-own-key"})
    prepare(tmp_path, spec)
    assert (tmp_path / "key").read_text() == "my-own-key"
    assert (tmp_path / "secrets.json").read_text() == "{}"
    assert mask_variables(spec.env) == {KEY_VARIABLE: MARK}


def test_a_spec_from_a_record_keeps_the_secrets_that_it_masks(tmp_path: Path) -> None:
    """A restart changes arguments, and knows the masks alone."""
    prepare(tmp_path, replace(SPEC, env={**SPEC.env, KEY_VARIABLE: "my-own-key"}))
    again = without_secrets(replace(SPEC, env={**SPEC.env, KEY_VARIABLE: "my-own-key"}))
    prepare(tmp_path, again)
    whole = whole_env(tmp_path, again.env)
    assert whole["HF_TOKEN"] == SPEC.env["HF_TOKEN"]
    assert whole[KEY_VARIABLE] == "my-own-key"


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    kept = record(tmp_path / "tiny")
    prepare(tmp_path / "tiny", SPEC)
    keep(kept)
    assert read_records(tmp_path) == ((kept,), ())
    mark_ready(kept, 130.0)
    ((ready,), _) = read_records(tmp_path)
    assert ready.ready == 130.0
    mark_ready(ready, 999.0)
    assert read_records(tmp_path)[0][0].ready == 130.0


def test_a_record_that_is_broken_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    prepare(tmp_path / "tiny", SPEC)
    keep(record(tmp_path / "tiny"))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "record.json").write_text('{"id": "b"')
    records, problems = read_records(tmp_path)
    assert [each.id for each in records] == ["a1"]
    assert len(problems) == 1
    assert "broken/record.json cannot be read" in problems[0]


def test_what_is_forgotten_leaves_its_logs_alone(tmp_path: Path) -> None:
    prepare(tmp_path, SPEC)
    (tmp_path / "log").write_text("it began")
    sockets = runtime(tmp_path)
    (sockets / "one").touch()
    kept = replace(record(tmp_path), runtime=str(sockets))
    keep(kept)
    forget(kept)
    assert [file.name for file in tmp_path.iterdir()] == ["log"]
    forget(kept)


def test_earlier_logs_are_put_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    for number in range(5):
        prepare(tmp_path, SPEC)
        (tmp_path / "log").write_text(str(number))
    assert {file.name: file.read_text() for file in tmp_path.glob("log*")} == {
        "log": "4",
        "log.1": "3",
        "log.2": "2",
        "log.3": "1",
    }


def test_sockets_get_a_short_folder_of_their_own(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * SOCKETS)
    deep.mkdir()
    folder = runtime(deep)
    try:
        assert len(str(folder)) <= SOCKETS
        assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        folder.rmdir()


def test_the_longest_socket_of_any_version_fits_into_the_longest_folder() -> None:
    """vLLM 0.8 has ``<uuid>_output_socket``, and dies of a path that is too long: "ZMQError: File name too long"."""
    with TemporaryDirectory() as short:
        room = SOCKETS - len(f"{short}//run")
        server = Path(short, "n" * room)
        server.mkdir()
        folder = runtime(server)
        assert folder == server / "run"
        assert len(str(folder)) == SOCKETS
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / f"{uuid.uuid4()}_output_socket"))


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LocalError, match=r"file/tiny cannot be written: Not a directory"):
        prepare(tmp_path / "file" / "tiny", SPEC)


def test_it_is_offline_and_silent_unless_it_is_asked_not_to_be() -> None:
    env = set_for(SPEC, {"VLLM_TARGET_DEVICE": "cpu"})
    assert env["HF_HUB_OFFLINE"] == env["VLLM_NO_USAGE_STATS"] == env["DO_NOT_TRACK"] == "1"
    assert env["VLLM_TARGET_DEVICE"] == "cpu"
    open_ = set_for(replace(SPEC, hub=True, usage_stats=True), {})
    assert not {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "VLLM_NO_USAGE_STATS", "DO_NOT_TRACK"} & open_.keys()
    assert set_for(replace(SPEC, env={"HF_HUB_OFFLINE": "0"}), {})["HF_HUB_OFFLINE"] == "0"


def test_it_inherits_no_key_and_nothing_of_this_program() -> None:
    environ = {
        "PATH": "/bin",
        "VLLM_API_KEY": "of another",
        "HF_TOKEN": "hf_x",
        "QUARTERDECK_READ_ONLY": "1",
        "PYTHONPATH": "/x",
        "CUDA_VISIBLE_DEVICES": "1",
    }
    assert inherited(environ, SPEC) == {"PATH": "/bin", "CUDA_VISIBLE_DEVICES": "1"}
    assert inherited(environ, replace(SPEC, hub=True))["HF_TOKEN"] == "hf_x"


def test_a_variable_that_nobody_knows_is_kept_apart_and_comes_back_for_the_server(tmp_path: Path) -> None:
    spec = replace(SPEC, env={"DB_PASS": "hunter2", "FLAVOUR": "vanilla", "OMP_NUM_THREADS": "2"})
    prepare(tmp_path, spec)
    keep(replace(record(tmp_path), spec=without_secrets(spec)))
    assert "hunter2" not in (tmp_path / "record.json").read_text()
    assert "vanilla" not in (tmp_path / "record.json").read_text()
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    whole = whole_env(tmp_path, without_secrets(spec).env)
    assert {name: whole[name] for name in spec.env} == spec.env


def test_folders_are_their_owners_alone_and_those_that_were_open_are_closed(tmp_path: Path) -> None:
    before = tmp_path / "before" / "local"
    before.mkdir(parents=True)
    before.chmod(0o755)
    prepare(before / "tiny", SPEC)
    assert [folder.stat().st_mode & 0o777 for folder in (before, before / "tiny")] == [0o700, 0o700]
    with claim(tmp_path / "new" / "local" / "tiny"):
        made = [tmp_path / "new", tmp_path / "new" / "local", tmp_path / "new" / "local" / "tiny"]
        assert [folder.stat().st_mode & 0o777 for folder in made] == [0o700] * 3


def test_a_folder_that_is_everybodys_stays_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    prepare(tmp_path / "tiny", SPEC)
    assert tmp_path.stat().st_mode & 0o7777 == 0o1777
