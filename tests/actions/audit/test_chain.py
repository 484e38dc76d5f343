"""Tampering with a log is found and the first broken line named; a line cut off by a kill is not taken for it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from actions.audit.chain import Wrong, verify
from actions.audit.folder import log_files
from actions.audit.head import Head
from actions.audit.line import canonical, digest, seal
from actions.audit.reading import read_log, read_log_file, records
from tests.actions.audit.logs import filled, log_in, only_file


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a log with two actions."""
    folder = tmp_path_factory.mktemp("written") / "audit"
    filled(folder, 2)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture
def folder(tmp_path: Path, written: dict[str, bytes]) -> Path:
    """A copy of it, to be broken."""
    copy = tmp_path / "audit"
    copy.mkdir()
    for name, data in written.items():
        (copy / name).write_bytes(data)
    return copy


def edited(folder: Path, edit: Callable[[list[bytes]], None]) -> None:
    """Edit the lines of the only file."""
    lines = only_file(folder).read_bytes().splitlines(keepends=True)
    edit(lines)
    only_file(folder).write_bytes(b"".join(lines))


def test_a_log_as_it_was_written_is_intact(folder: Path) -> None:
    verdict = verify(read_log(folder))
    assert (verdict.intact, verdict.records, verdict.torn, verdict.behind) == (True, 10, (), 0)


def test_no_log_is_intact(tmp_path: Path) -> None:
    assert verify(read_log(tmp_path / "none")).records == 0
    assert verify(read_log(tmp_path / "none")).intact


def test_one_edited_byte_is_found_wherever_it_is(folder: Path, written: dict[str, bytes]) -> None:
    """Every byte of the head and of the last line, and many of all others; every end of a line with several values."""
    random_ = random.Random(7)
    name = only_file(folder).name
    whole = written[name]
    starts = [0]
    for line in whole.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    last = range(starts[-2], len(whole))
    ends = [end - 1 for end in starts[1:]]
    for at in [*random_.sample(range(starts[-2]), 250), *ends, *last]:
        others = [whole[at] ^ 1, ord("\n"), ord(" "), random_.randrange(256)]
        for value in {*(others if at in ends else random_.sample(others, 1))} - {whole[at]}:
            (folder / name).write_bytes(whole[:at] + bytes([value]) + whole[at + 1 :])
            broken = verify(read_log(folder)).broken
            assert broken is not None, (at, value)
            line = sum(start <= at for start in starts)
            assert broken.line in {line, line - 1}, (at, value, broken)
    (folder / name).write_bytes(whole)
    head = written["head.json"]
    for at in range(len(head)):
        (folder / "head.json").write_bytes(head[:at] + bytes([head[at] ^ 1]) + head[at + 1 :])
        broken = verify(read_log(folder)).broken
        assert broken is not None, at
        assert broken.file.name == "head.json"


def test_an_edited_line_is_named_with_its_number(folder: Path) -> None:
    def lie(lines: list[bytes]) -> None:
        lines[5] = lines[5].replace(b"INC-7", b"INC-8")

    edited(folder, lie)
    broken = verify(read_log(folder)).broken
    assert broken is not None
    assert str(broken) == f"{only_file(folder)}:6: changed: the line's hash does not match its content"


def resealed(line: bytes, **changes: object) -> bytes:
    """A line with other values and a hash that fits them."""
    document = json.loads(line) | changes
    del document["hash"]
    return seal(document) + b"\n"


def test_an_edit_with_a_hash_that_fits_is_found_at_the_next_line(folder: Path) -> None:
    def lie(lines: list[bytes]) -> None:
        lines[3] = resealed(lines[3], action="another")

    edited(folder, lie)
    broken = verify(read_log(folder)).broken
    assert broken is not None
    assert (broken.line, broken.wrong) == (5, Wrong.CHANGED)
    assert "one of the two" in broken.text


def test_an_edited_last_line_with_a_hash_that_fits_is_found_by_the_head(folder: Path) -> None:
    def lie(lines: list[bytes]) -> None:
        lines[-1] = resealed(lines[-1], action="another")

    edited(folder, lie)
    broken = verify(read_log(folder)).broken
    assert broken is not None
    assert (broken.line, broken.wrong) == (10, Wrong.CHANGED)
    assert "head.json" in broken.text


def test_removed_lines_are_counted(folder: Path) -> None:
    def remove(lines: list[bytes]) -> None:
        del lines[2:4]

    edited(folder, remove)
    broken = verify(read_log(folder)).broken
    assert broken is not None
    assert (broken.line, broken.wrong) == (3, Wrong.REMOVED)
    assert broken.text == "records 3 to 4 are missing before this line"


def test_a_removed_beginning_is_found(folder: Path) -> None:
    edited(folder, lambda lines: lines.__delitem__(slice(0, 2)))
    broken = verify(read_log(folder)).broken
    assert broken is not None
    assert (broken.line, broken.text) == (1, "records 1 to 2 are missing before this line")


def test_lines_in_another_order_are_found(folder: Path) -> None:
    def swap(lines: list[bytes]) -> None:
        lines[2], lines[3] = lines[3], lines[2]

    edited(folder, swap)
    broken = verify(read_log(folder)).broken
    assert broken is not None
    assert (broken.line, broken.wrong, broken.text) == (3, Wrong.REORDERED, "record 4 stands before record 3")


@pytest.mark.parametrize(("at", "line"), [(2, 3), (10, 11)])
def test_a_line_that_stands_twice_is_found(folder: Path, at: int, line: int) -> None:
    edited(folder, lambda lines: lines.insert(at, lines[1]))
    broken = verify(read_log(folder)).broken
    assert broken is not None
    assert (broken.line, broken.wrong, broken.text) == (line, Wrong.INSERTED, "record 2 stands here again")


@pytest.mark.parametrize("junk", [b"hello\n", b"\n", b"{}\n", b'{"action":"x"}\n', b'{"action":"x\n', b"\xff\xfe\n"])
@pytest.mark.parametrize("at", [0, 4, 10])
def test_a_line_that_no_console_wrote_is_found(folder: Path, junk: bytes, at: int) -> None:
    edited(folder, lambda lines: lines.insert(at, junk))
    broken = verify(read_log(folder)).broken
    assert broken is not None
    assert (broken.line, broken.wrong) == (at + 1, Wrong.CHANGED)


def test_an_end_that_was_cut_off_is_found_by_the_head(folder: Path) -> None:
    edited(folder, lambda lines: lines.__delitem__(slice(8, None)))
    broken = verify(read_log(folder)).broken
    assert broken is not None
    assert (broken.line, broken.wrong) == (8, Wrong.TRUNCATED)
    assert broken.text == "records 9 to 10 are missing after this line: head.json lists them"


def test_a_log_whose_files_are_all_gone_is_found_by_the_head(folder: Path) -> None:
    only_file(folder).unlink()
    broken = verify(read_log(folder)).broken
    assert broken is not None
    assert (broken.file.name, broken.wrong) == ("head.json", Wrong.TRUNCATED)


def test_a_head_that_is_gone_is_said(folder: Path) -> None:
    (folder / "head.json").unlink()
    broken = verify(read_log(folder)).broken
    assert broken is not None
    assert (broken.file.name, broken.wrong) == ("head.json", Wrong.HEAD)


def test_a_head_that_is_one_behind_is_what_a_kill_leaves(folder: Path) -> None:
    lines = only_file(folder).read_bytes().splitlines()
    (folder / "head.json").write_bytes(Head(9, digest(lines[8])).to_bytes())
    verdict = verify(read_log(folder))
    assert (verdict.intact, verdict.behind) == (True, 1)


@pytest.mark.parametrize("missing", [0, 1, -1])
def test_a_file_that_is_gone_is_found(tmp_path: Path, missing: int) -> None:
    folder = tmp_path / "audit"
    filled(folder, 8, limit=4_000)
    files = log_files(folder)
    files[missing].unlink()
    broken = verify(read_log(folder)).broken
    assert broken is not None
    if missing == -1:
        assert (broken.file, broken.wrong) == (files[-2], Wrong.TRUNCATED)
    else:
        assert (broken.file, broken.line, broken.wrong) == (files[missing + 1], 1, Wrong.REMOVED)
        assert "a file of the log is missing" in broken.text


def test_one_file_alone_is_checked_for_what_it_can_show(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    filled(folder, 8, limit=4_000)
    file = log_files(folder)[2]
    assert verify(read_log_file(file)).intact
    file.write_bytes(file.read_bytes().replace(b"INC-7", b"INC-9", 1))
    assert not verify(read_log_file(file)).intact


def torn(folder: Path, keep: int) -> bytes:
    """Cut the last record after ``keep`` bytes, with the head as it was before it."""
    *before, last = only_file(folder).read_bytes().splitlines(keepends=True)
    only_file(folder).write_bytes(b"".join(before) + last[:keep])
    (folder / "head.json").write_bytes(Head(9, digest(before[-1].rstrip(b"\n"))).to_bytes())
    return last


def test_a_torn_write_is_told_from_tampering_wherever_it_was_torn(folder: Path, written: dict[str, bytes]) -> None:
    name = only_file(folder).name
    for keep in range(1, len(torn(folder, 1))):
        (folder / name).write_bytes(written[name])
        last = torn(folder, keep)
        verdict = verify(read_log(folder))
        assert verdict.broken is None, keep
        if keep == len(last) - 1:
            assert (verdict.records, verdict.torn) == (10, ())
        else:
            assert [(t.line, t.size, t.marked) for t in verdict.torn] == [(10, keep, False)]


@pytest.mark.parametrize("keep", [1, 5, 11, 200])
def test_what_was_torn_stays_in_the_log_and_is_marked(folder: Path, keep: int) -> None:
    torn(folder, keep)
    before = only_file(folder).read_bytes()
    log_in(folder).append("intent", "next", {})
    assert only_file(folder).read_bytes().startswith(before + b"\n")
    verdict = verify(read_log(folder))
    assert (verdict.intact, verdict.records) == (True, 11)
    assert [(t.line, t.marked) for t in verdict.torn] == [(10, True)]
    mark = list(records(read_log(folder)))[-2]
    assert (mark.event, mark.content) == ("torn", {"bytes": keep, "sha256": digest(before[-keep:])})


def test_a_mark_that_was_torn_itself_is_marked_as_well(folder: Path) -> None:
    torn(folder, 200)
    with only_file(folder).open("ab") as file:
        file.write(b'\n{"action":"","at":17')
    assert verify(read_log(folder)).intact
    log_in(folder).append("intent", "next", {})
    verdict = verify(read_log(folder))
    assert (verdict.intact, verdict.records) == (True, 11)
    assert [t.marked for t in verdict.torn] == [True]


def test_a_record_that_lacks_only_its_line_break_counts(folder: Path) -> None:
    data = only_file(folder).read_bytes()
    only_file(folder).write_bytes(data[:-1])
    assert verify(read_log(folder)).records == 10
    log_in(folder).append("intent", "next", {})
    assert only_file(folder).read_bytes().startswith(data)
    verdict = verify(read_log(folder))
    assert (verdict.intact, verdict.records, verdict.torn) == (True, 11, ())


def test_an_edited_line_that_was_torn_is_found(folder: Path) -> None:
    torn(folder, 200)
    log_in(folder).append("intent", "next", {})

    def lie(lines: list[bytes]) -> None:
        lines[9] = lines[9][:100] + b"x" + lines[9][101:]

    edited(folder, lie)
    broken = verify(read_log(folder)).broken
    assert broken is not None
    assert (broken.line, broken.wrong) == (10, Wrong.CHANGED)


def cut(folder: Path) -> None:
    edited(folder, lambda lines: lines.__delitem__(slice(8, None)))


def behead(folder: Path) -> None:
    (folder / "head.json").unlink()


def lie(folder: Path) -> None:
    def edit(lines: list[bytes]) -> None:
        lines[9] = lines[9].replace(b"converged", b"confirmed")

    edited(folder, edit)


@pytest.mark.parametrize(("damage", "line"), [(cut, 9), (lie, 10), (behead, 11)], ids=["cut", "lie", "behead"])
def test_what_was_done_to_a_log_stays_found_when_it_is_written_on(
    folder: Path, damage: Callable[[Path], None], line: int
) -> None:
    damage(folder)
    log = log_in(folder)
    log.append("intent", "next", {})
    log.append("result", "next", {})
    broken = verify(read_log(folder)).broken
    assert broken is not None
    assert broken.line == line
    assert [record.event for record in records(read_log(folder))][-3:] == ["damaged", "intent", "result"]


def test_a_log_that_holds_only_a_torn_first_write_is_intact(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    folder.mkdir()
    (folder / "head.json").write_bytes(Head().to_bytes())
    (folder / "audit-000001.jsonl").write_bytes(b'{"action":"a1","at":1')
    assert verify(read_log(folder)).intact
    log_in(folder).append("intent", "a1", {})
    verdict = verify(read_log(folder))
    assert (verdict.intact, verdict.records) == (True, 2)


def test_a_new_file_whose_first_write_was_torn_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    filled(folder, 1)
    (folder / "audit-000002.jsonl").write_bytes(b'{"act')
    assert verify(read_log(folder)).intact
    log_in(folder).append("intent", "a2", {})
    verdict = verify(read_log(folder))
    assert (verdict.intact, verdict.records, [t.marked for t in verdict.torn]) == (True, 7, [True])


def test_canonical_is_the_one_way_to_write() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        canonical({"a": float("nan")})
