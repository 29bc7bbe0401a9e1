"""Packing: what is in the archive, and what a failure leaves behind."""

import sys
import zipfile

import pytest
import yaml
from espnet2.main_funcs import pack_funcs

from espnet2_ext.bin import pack
from espnet2_ext.errors import UserError
from tests.wrong_files import write_weights

CONFIG = {"criterions": [{"name": "ssl"}]}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the command in a recipe with one experiment; gives the archive."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exp").mkdir()
    (tmp_path / "exp/config.yaml").write_text(yaml.safe_dump(CONFIG))
    write_weights(tmp_path / "exp/valid.loss.best.pth", 1.0)
    write_weights(tmp_path / "exp/1epoch.pth", 2.0)
    (tmp_path / "RESULTS.md").write_text("results")

    def call(*args):
        command = ["pack", "--exp_dir", "exp", "--outpath", "out/model.zip", *args]
        monkeypatch.setattr(sys, "argv", command)
        pack.main()
        return tmp_path / "out/model.zip"

    return call


def test_archive_holds_the_portable_system_and_the_options(run, tmp_path, capsys):
    archive = zipfile.ZipFile(run("--option", "RESULTS.md"))
    assert set(archive.namelist()) == {
        "meta.yaml",
        "exp/portable/config.yaml",
        "exp/portable/model.pth",
        "RESULTS.md",
    }
    meta = yaml.safe_load(archive.read("meta.yaml"))
    assert meta["files"] == {"model_file": "exp/portable/model.pth"}
    assert meta["yaml_files"] == {"train_config": "exp/portable/config.yaml"}
    best = (tmp_path / "exp/valid.loss.best.pth").read_bytes()
    assert archive.read("exp/portable/model.pth") == best
    assert b"ssl" not in archive.read("exp/portable/config.yaml")
    assert capsys.readouterr().out.splitlines()[-1] == "out/model.zip"


def test_other_weights_can_be_packed(run, tmp_path):
    archive = zipfile.ZipFile(run("--model_file", "1epoch.pth"))
    first = (tmp_path / "exp/1epoch.pth").read_bytes()
    assert archive.read("exp/portable/model.pth") == first


def test_missing_option_stops_before_anything_is_written(run, tmp_path):
    with pytest.raises(UserError, match=r"--option no\.md: no such file"):
        run("--option", "RESULTS.md", "--option", "no.md")
    assert not (tmp_path / "exp/portable").exists()
    assert not (tmp_path / "out").exists()


def test_interrupted_packing_keeps_the_archive_before(run, monkeypatch):
    archive = run()
    before = archive.read_bytes()

    def half_then_stop(outpath, **kwargs):
        outpath.write_bytes(b"PK")
        raise KeyboardInterrupt

    monkeypatch.setattr(pack_funcs, "pack", half_then_stop)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert archive.read_bytes() == before
