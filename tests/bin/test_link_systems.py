"""Systems trained elsewhere are linked, never written to."""

from __future__ import annotations

from pathlib import Path

import pytest

from espnet2_ext.bin.link_systems import main

MODEL = "valid.loss.best.pth"


@pytest.fixture
def exp(tmp_path: Path) -> Path:
    folder = tmp_path / "other/exp/a"
    folder.mkdir(parents=True)
    for name in ("config.yaml", MODEL, "train.log"):
        (folder / name).write_text(name)
    return folder


def link(tmp_path: Path, exp: Path, model: str = MODEL) -> Path:
    main(["--expdir", str(tmp_path / "exp"), "--model_file", model, str(exp)])
    return tmp_path / "exp/a"


def test_what_is_read_is_linked_and_nothing_else(tmp_path: Path, exp: Path) -> None:
    own = link(tmp_path, exp)
    assert sorted(p.name for p in own.iterdir()) == ["config.yaml", MODEL]
    assert (own / MODEL).read_text() == MODEL
    assert (own / MODEL).is_symlink()


def test_another_place_or_model_replaces_the_links(tmp_path: Path, exp: Path) -> None:
    link(tmp_path, exp)
    moved = exp.parent.parent / "moved" / "a"
    moved.parent.mkdir()
    exp.rename(moved)
    (moved / "2epoch.pth").write_text("two")
    own = link(tmp_path, moved, "2epoch.pth")
    assert (own / "config.yaml").read_text() == "config.yaml"
    assert (own / "2epoch.pth").read_text() == "two"


def test_system_of_this_recipe_stays_as_it_is(tmp_path: Path, exp: Path) -> None:
    main(["--expdir", str(exp.parent), "--model_file", MODEL, str(exp)])
    assert not (exp / MODEL).is_symlink()
