"""The location of a model, and its completeness."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from pathlib import Path

import pytest

from fleet.local.fit.checksums import Verified, stated_checksums
from fleet.local.fit.files import hub_cache, locate, survey
from tests.fleet.local.fit.models import model, tensors


def test_a_whole_model_has_no_problems_and_its_size_is_that_of_its_tensors(tmp_path: Path) -> None:
    files = survey(model(tmp_path / "m"))
    assert (files.problems, files.doubts) == ((), ())
    assert files.size == 128
    assert files.bytes_of == {"BF16": 128}


def test_a_shard_that_lacks_is_named(tmp_path: Path) -> None:
    folder = model(tmp_path / "m", shards=3)
    (folder / "model-00002-of-00003.safetensors").unlink()
    (problem,) = survey(folder).problems
    assert problem.startswith("missing: 1 of 3 weight files")
    assert "model-00002-of-00003.safetensors" in problem


def test_a_file_that_is_cut_off_is_named_with_its_bytes(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    shard = folder / "model-00001-of-00002.safetensors"
    expected = shard.stat().st_size
    tensors(shard, {f"w.{shard.name}": ("BF16", 64)}, cut=10)
    assert survey(folder).problems == (f"{shard.name} is cut off: {expected - 10:,} of {expected:,} bytes are there",)
    shard.write_bytes(shard.read_bytes()[:20])
    assert "truncated in its header" in survey(folder).problems[0]
    shard.write_bytes(b"<html>not found</html>")
    assert "not a safetensors file" in survey(folder).problems[0]
    shard.write_bytes((2).to_bytes(8, "little") + b"[]")
    assert survey(folder).problems == (f"{shard.name}: its header is not a JSON object",)


def test_config_and_tokenizer_and_links(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    (folder / "tokenizer.json").unlink()
    assert survey(folder).doubts == ("it contains no tokenizer",)
    (folder / "config.json").write_text("{")
    assert survey(folder).problems[0].startswith("config.json cannot be read")
    (folder / "config.json").unlink()
    assert "no config.json" in survey(folder).problems[0]
    shard = folder / "model-00001-of-00002.safetensors"
    shard.unlink()
    shard.symlink_to(tmp_path / "gone")
    assert any("is a broken link" in problem for problem in survey(folder).problems)


def test_shards_in_a_folder_below(tmp_path: Path) -> None:
    folder = model(tmp_path / "m", shards=1)
    (folder / "below").mkdir()
    (folder / "model-00001-of-00001.safetensors").rename(folder / "below" / "a.safetensors")
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"w": "below/a.safetensors"}}')
    assert survey(folder).problems == ()
    assert survey(folder).size == 64


@pytest.mark.parametrize("ending", ["safetensors", "bin"])
def test_without_an_index_the_names_of_the_others_tell_what_lacks(tmp_path: Path, ending: str) -> None:
    folder = model(tmp_path / "m", shards=4)
    (folder / "model.safetensors.index.json").unlink()
    for shard in folder.glob("*.safetensors"):
        shard.rename(shard.with_suffix(f".{ending}"))
    assert survey(folder).problems == ()
    (folder / f"model-00002-of-00004.{ending}").unlink()
    (folder / f"model-00004-of-00004.{ending}").unlink()
    (problem,) = survey(folder).problems
    assert problem == (
        f"2 of 4 weight files are missing, according to the names of the others: model-…-of-…4.{ending}, number 2, 4"
    )


def test_parts_of_a_gguf_file_are_looked_for_beside_the_first(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        (tmp_path / f"m-{number:05}-of-00003.gguf").write_bytes(b"GGUF" + bytes(60))
    first = tmp_path / "m-00001-of-00003.gguf"
    assert (survey(first).size, survey(first).problems) == (192, ())
    (tmp_path / "m-00003-of-00003.gguf").unlink()
    assert "1 of 3 weight files are missing" in survey(first).problems[0]


def test_a_name_that_says_anything_is_read_at_once(tmp_path: Path) -> None:
    folder = model(tmp_path / "m", shards=1)
    (folder / "model.safetensors.index.json").unlink()
    tensors(folder / "model-00001-of-99999999999999.safetensors", {"w": ("BF16", 4)})
    assert "of 99999999999999 weight files are missing" in survey(folder).problems[0]


def test_a_gguf_file_counts_by_its_size(tmp_path: Path) -> None:
    file = tmp_path / "m.gguf"
    file.write_bytes(b"GGUF" + bytes(60))
    assert (survey(file).size, survey(file).problems) == (64, ())
    file.write_bytes(b"else")
    assert survey(file).problems


def test_the_cache_of_the_hub(tmp_path: Path) -> None:
    environ = {"HF_HUB_CACHE": str(tmp_path)}
    repository = tmp_path / "models--org--name"
    snapshot = model(repository / "snapshots" / "abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    assert locate("org/name", "", environ) == snapshot
    assert locate("org/name", "abc", environ) == snapshot
    assert locate("org/name", "other", environ) is None
    assert locate("org/else", "", environ) is None
    (repository / "blobs").mkdir()
    (repository / "blobs" / "f.incomplete").touch()
    assert survey(snapshot).doubts == ("the hub's cache has an unfinished download of it",)


def test_where_the_cache_is() -> None:
    assert hub_cache({"HF_HUB_CACHE": "/a", "HF_HOME": "/b"}) == Path("/a")
    assert hub_cache({"HF_HOME": "/b", "XDG_CACHE_HOME": "/c"}) == Path("/b/hub")
    assert hub_cache({"XDG_CACHE_HOME": "/c"}) == Path("/c/huggingface/hub")
    assert hub_cache({"HOME": "/h"}) == Path("/h/.cache/huggingface/hub")


def test_checksums_of_a_manifest_and_of_blobs(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    file.write_bytes(b"data")
    digest = sha256(b"data").hexdigest()
    assert stated_checksums([file]) == {}
    (tmp_path / "SHA256SUMS").write_text(f"{digest.upper()}  ./a.safetensors\n")
    assert stated_checksums([file]) == {file: digest}
    blob = tmp_path / "blobs" / digest
    blob.parent.mkdir()
    blob.write_bytes(b"data")
    link = tmp_path / "snapshot" / "b.safetensors"
    link.parent.mkdir()
    link.symlink_to(blob)
    assert stated_checksums([link]) == {link: digest}


async def test_what_was_verified_is_remembered_until_it_changes(tmp_path: Path) -> None:
    file, memory = tmp_path / "a", tmp_path / "state" / "known.json"
    file.write_bytes(b"data")
    digest = sha256(b"data").hexdigest()
    assert not Verified(memory).knows(file, digest)
    assert await Verified(memory).check(file, digest)
    assert Verified(memory).knows(file, digest)
    file.write_bytes(b"other")
    assert not Verified(memory).knows(file, digest)
    assert not await Verified(memory).check(file, digest)


async def test_reading_tells_how_far_it_is_and_can_be_given_up(tmp_path: Path) -> None:
    file, size = tmp_path / "weights", 3 * 64 << 20
    with file.open("wb") as made:
        made.truncate(size)
    memory, numbers = Verified(tmp_path / "known.json"), list[int]()
    digest = sha256(bytes(size)).hexdigest()
    assert await memory.check(file, digest, numbers.append)
    assert len(numbers) > 1
    assert sum(numbers) == size

    def give_up(read: int) -> None:
        numbers.append(read)
        task.cancel()

    numbers.clear()
    task = asyncio.create_task(memory.check(file, digest, give_up))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sum(numbers) < size


@pytest.mark.parametrize("kept", ["5", '["a"]', "{", ""])
async def test_a_memory_that_is_spoilt_is_none(tmp_path: Path, kept: str) -> None:
    memory, file = tmp_path / "checksums.json", tmp_path / "w"
    memory.write_text(kept)
    file.write_bytes(b"x")
    assert not Verified(memory).knows(file, sha256(b"x").hexdigest())
    assert await Verified(memory).check(file, sha256(b"x").hexdigest())
