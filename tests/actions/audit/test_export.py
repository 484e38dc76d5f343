"""The log for others: JSON, CSV that no spreadsheet calculates with, HTML that runs nothing."""

from __future__ import annotations

import csv
import io
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from actions.audit.export import to_csv, to_html, to_json
from actions.audit.opened_logs import Opened, open_folder
from tests.actions.audit.logs import NOW, filled, intent, log_in


@pytest.fixture
def log(tmp_path: Path) -> Opened:
    """Two actions."""
    filled(tmp_path / "audit", 2)
    return open_folder(tmp_path / "audit")


def test_json_has_every_record_as_it_is_in_the_log(log: Opened) -> None:
    document = json.loads(to_json(log.actions, log, NOW))
    assert (document["schema"], document["made_at"]) == ("quarterdeck/audit-export/v1", NOW)
    assert document["intact"] is True
    [chain] = document["chains"]
    assert (chain["intact"], chain["records"]) == (True, 10)
    assert [(action["id"], action["outcome"], len(action["records"])) for action in document["actions"]] == [
        ("a1", "converged", 5),
        ("a2", "converged", 5),
    ]
    first = document["actions"][0]["records"][0]
    assert (first["seq"], first["event"], first["who"]["identity"]) == (1, "intent", "oncall@corp")
    assert first["content"]["reason"] == "INC-7"
    assert len(first["hash"]) == len(first["prev"]) == 64


def test_csv_has_a_row_per_action(log: Opened) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(log.actions), newline="")))
    assert [row["id"] for row in rows] == ["a1", "a2"]
    row = rows[0]
    assert (row["began"], row["ended"]) == ("2026-09-21 14:13:20Z", "2026-09-21 14:13:24Z")
    assert (row["identity"], row["local_user"], row["uid"], row["ssh_origin"]) == (
        "oncall@corp",
        "mia",
        "1000",
        "10.1.2.3 port 51000",
    )
    assert (row["namespace"], row["target_kind"], row["target_name"]) == ("serving", "Deployment", "chat-70b")
    assert (row["outcome"], row["sent"], row["unknown"]) == ("converged", "1", "0")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1", "\n=HYPERLINK(1)", "＝1+1"])
def test_no_cell_is_a_formula(tmp_path: Path, text: str) -> None:
    log_in(tmp_path / "audit").append("intent", "a1", intent(title=text, reason=f'{text}\r\n,"quoted"'))
    [row] = csv.DictReader(io.StringIO(to_csv(open_folder(tmp_path / "audit").actions), newline=""))
    for cell in (row["title"], row["reason"]):
        assert cell.startswith("'")
        assert cell.isprintable()
    assert '"quoted"' in row["reason"]


class Parsed(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_tells_all_of_it_and_runs_nothing(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&{made}\u202e\x1b[31m"
    filled(tmp_path / "audit", 1)
    log_in(tmp_path / "audit").append(
        "intent", evil, intent(evil, title=evil, reason=evil, kind=evil, confirmation=evil)
    )
    log = open_folder(tmp_path / "audit")
    page = to_html(log.actions, log, NOW)
    parsed = Parsed(page)
    assert not {"script", "img", "link", "iframe", "a"} & set(parsed.tags)
    assert not [name for name, _ in parsed.attributes if name.startswith("on") or name in {"src", "href", "style"}]
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in parsed.attributes
    assert "<script>alert(1)</script>" in parsed.text
    assert "\u202e" not in page
    assert "\x1b" not in page
    for part in ("2 actions", "intact, 6 records", "replicas 4 → 6", "typed chat-70b", "Made 2026-09-21 14:13:20Z"):
        assert part in parsed.text


def test_html_of_a_broken_log_says_so_first(tmp_path: Path) -> None:
    filled(tmp_path / "audit", 1)
    (tmp_path / "audit" / "head.json").unlink()
    log = open_folder(tmp_path / "audit")
    page = to_html(log.actions, log, NOW)
    assert 'class="bad">BROKEN at' in page
    assert page.index("BROKEN") < page.index("<table>")
