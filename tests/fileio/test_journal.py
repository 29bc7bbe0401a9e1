from __future__ import annotations

from pathlib import Path

from espnet2_ext.fileio.journal import Journal

SETTINGS = {"metrics": ["SDR"], "libraries": {"x": None}}


def test_entries_survive_and_need_the_same_digest(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", SETTINGS) as journal:
        journal.add("a", "d1", {"SDR": 1.0})
    with Journal(tmp_path / "j", SETTINGS) as journal:
        assert journal.get("a", "d1") == {"SDR": 1.0}
        assert journal.get("a", "other audio") is None
        assert journal.get("b", "d1") is None


def test_other_settings_drop_the_entries(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", SETTINGS) as journal:
        journal.add("a", "d1", {"SDR": 1.0})
    with Journal(tmp_path / "j", {"metrics": ["STOI"]}) as journal:
        assert journal.get("a", "d1") is None


def test_line_cut_off_by_a_kill_is_dropped_and_repaired(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal(path, SETTINGS) as journal:
        journal.add("a", "d1", {"SDR": 1.0})
        journal.add("b", "d2", {"SDR": 2.0})
    path.write_bytes(path.read_bytes()[:-7])
    with Journal(path, SETTINGS) as journal:
        assert journal.get("a", "d1") == {"SDR": 1.0}
        assert journal.get("b", "d2") is None
        journal.add("b", "d2", {"SDR": 2.0})
    with Journal(path, SETTINGS) as journal:
        assert journal.get("b", "d2") == {"SDR": 2.0}


def test_journal_without_its_settings_line_is_not_trusted(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal(path, SETTINGS) as journal:
        journal.add("a", "d1", {"SDR": 1.0})
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("garbage\n" + lines[1])
    with Journal(path, SETTINGS) as journal:
        assert journal.get("a", "d1") is None
