"""What is no checkpoint is called by its name, wherever one is asked for."""

import os
import re

import pytest
import torch
import yaml

from espnet2_ext.bin.resolve_asr import main as resolve_asr
from espnet2_ext.enh.export import export
from espnet2_ext.enh.loss.centroids import read_centroids
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.checkpoint import check_file, load, load_weights
from espnet2_ext.hubert.convert import read_hubert
from espnet2_ext.hubert.kmeans import hubert_features
from espnet2_ext.ssl.featurizer import read_featurizer
from espnet2_ext.ssl.spec import UpstreamSpec
from espnet2_ext.ssl.upstream import FrozenUpstream
from espnet2_ext.superb.features import Extractor
from espnet2_ext.tasks.config import check_config
from tests.tasks.conftest import SMALL, SNR
from tests.wrong_files import NO_WEIGHTS, WRONG, make_wrong, write_weights


def beside(path, config):
    """Write a config.yaml where a model has one."""
    (path.parent / "config.yaml").write_text(yaml.safe_dump(config))
    return path.parent


def from_asr(path):
    beside(path, {"token_list": ["a"]})
    resolve_asr(["--asr_model_file", str(path), "--out_dir", str(path.parent / "out")])


def from_asr_archive(path):
    archive = path.rename(path.with_suffix(".zip"))
    resolve_asr(
        ["--asr_model_file", str(archive), "--out_dir", str(path.parent / "out")]
    )


def from_init_param(path):
    check_config({**SMALL, "criterions": [SNR], "init_param": [f"{path}:encoder"]})


def from_features(path):
    Extractor(UpstreamSpec("wavlm_local", str(path), tag="x")).on(torch.device("cpu"))


def from_hubert(path):
    read_hubert(beside(path, {"encoder": "torchaudio_hubert"}), path.name)


# everything that reads a checkpoint which the user names
WEIGHTS = {
    "init_param": from_init_param,
    "export": lambda path: export(beside(path, {"criterions": []}), path.name),
    "recogniser": from_asr,
    "kmeans": lambda path: hubert_features(beside(path, {"a": 1}), path.name, 1),
    "convert_hubert": from_hubert,
}
DOORS = {
    **WEIGHTS,
    "hubert_local": lambda path: FrozenUpstream(
        UpstreamSpec("hubert_local", str(path))
    ).load(),
    "wav2vec2_local": lambda path: FrozenUpstream(
        UpstreamSpec("wav2vec2_local", str(path))
    ).load(),
    "distiller_local": lambda path: FrozenUpstream(
        UpstreamSpec("distiller_local", str(path))
    ).load(),
    "probe": from_features,
    "featurizer": lambda path: read_featurizer(str(path)),
    "centroids": lambda path: read_centroids("centroids", str(path)),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", WRONG)
def test_wrong_file_is_called_by_its_name_in_one_line(tmp_path, door, name):
    path = tmp_path / "model.pt"
    called = make_wrong(name, path)
    if name == "folder" and door in {*WEIGHTS, "featurizer"} - {"init_param"}:
        called = r"no such file|expected a head\.json"  # these look for a file in one
    with pytest.raises(UserError, match=f"{called}.*expected|{called}") as caught:
        DOORS[door](path)
    text = str(caught.value)
    assert "model.pt" in text
    assert "expected" in text
    assert "\n" not in text


@pytest.mark.parametrize("door", WEIGHTS)
@pytest.mark.parametrize("name", NO_WEIGHTS)
def test_checkpoint_of_a_training_is_no_model(tmp_path, door, name):
    path = tmp_path / "checkpoint.pth"
    with pytest.raises(UserError, match=make_wrong(name, path)):
        WEIGHTS[door](path)


@pytest.mark.parametrize("name", sorted({*WRONG} - {"folder"}))
def test_what_is_no_packed_recogniser_is_called_by_its_name(tmp_path, name):
    path = tmp_path / "model.pt"
    called = make_wrong(name, path)
    with pytest.raises(UserError, match=f"{called}|cannot be unpacked|holds"):
        from_asr_archive(path)


@pytest.mark.parametrize("name", sorted({*WRONG} - {"folder"}))
def test_whispers_own_format_is_told_from_others(tmp_path, name):
    path = tmp_path / "model.bin"
    make_wrong(name, path)
    for given in (path, tmp_path):  # the file, and the folder that holds it
        with pytest.raises(UserError, match=r"model\.bin.*expected"):
            FrozenUpstream(UpstreamSpec("whisper_local", str(given))).load()


@pytest.mark.parametrize("door", ["init_param", "hubert_local", "probe"])
def test_missing_file_is_said(tmp_path, door):
    with pytest.raises(UserError, match=r"none\.pt.*no such file"):
        DOORS[door](tmp_path / "none.pt")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_without_permission_is_said(tmp_path):
    path = write_weights(tmp_path / "a.pth")
    path.chmod(0)
    with pytest.raises(UserError, match="Permission denied; expected"):
        check_file(path, "x")


def test_weights_are_read_in_both_formats_of_torch(tmp_path):
    state = {"a": torch.ones(2)}
    for name, new in (("new.pth", True), ("old.pth", False)):
        torch.save(state, tmp_path / name, _use_new_zipfile_serialization=new)
        assert torch.equal(load_weights(tmp_path / name, "x")["a"], torch.ones(2))
    torch.save({"module": state}, tmp_path / "deepspeed.pth")
    assert set(load_weights(tmp_path / "deepspeed.pth", "x")) == {"a"}
    torch.save([1, 2], tmp_path / "list.pt")
    assert load(tmp_path / "list.pt", "x") == [1, 2]
    with pytest.raises(UserError, match="found 'list' without weights"):
        load_weights(tmp_path / "list.pt", "x")


def test_init_param_that_does_not_fit_names_the_weights(tmp_path):
    def check(words, **changes):
        config = {**SMALL, "criterions": [SNR], "init_param": [f"{path}{words}"]}
        check_config({**config, **changes})

    path = tmp_path / "other.pth"
    torch.save({"separator.x": torch.zeros(3), "encoder.y": torch.zeros(1)}, path)
    with pytest.raises(UserError, match=re.escape("separator.x (3,) (no such weight")):
        check("")
    with pytest.raises(UserError, match=r"source in init_param .* 'decoder'"):
        check(":decoder")
    with pytest.raises(UserError, match=r"target in init_param .* 'seperator'.*Did"):
        check(":separator:seperator")
    check("", ignore_init_mismatch=True)
