"""The pre-training sets out of packages in miniature."""

import pytest

from corpus.downstream.roles import prompt_role
from corpus.packages import PACKAGES
from corpus.ssl_sets import (
    SETS,
    ssl_packages,
    ssl_utterances,
    write_ssl_sets,
)
from espnet2_ext.data.check import check_data_dir
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.scp import read_scp

SHARE_ALIKE = ("CC-BY-SA", "GPL")


@pytest.fixture(scope="module")
def trees(downstream_root):
    return {tree.name: tree for tree in sorted(downstream_root.iterdir())}


@pytest.fixture(scope="module")
def data(trees, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ssl") / "data"
    write_ssl_sets(trees, folder, {"train": 40, "valid": 10})
    return folder


def test_only_permissive_packages_are_used():
    used = ssl_packages()
    assert len(used) == 5
    for package in used:
        assert not any(word in package.licence for word in SHARE_ALIKE), package.name
    assert all("festvox" in p.name or "asterisk" in p.name for p in used)
    assert len(used) < len(PACKAGES)


def test_no_test_of_any_recipe_is_pretrained_on(trees):
    sets = ssl_utterances(trees)
    ids = {name: {u.id for u in sets[name]} for name in SETS}
    assert not ids["train"] & ids["valid"]
    for name in SETS:
        for utterance in sets[name]:
            clip = utterance.clips[0]
            if clip.speaker == "festvox-ru":
                number = int(clip.key.rsplit("_", 1)[1])
                assert number <= 540 if name == "train" else number > 580
            else:
                assert prompt_role(clip.key) == name
                assert clip.speaker in ("asterisk-it", "asterisk-ru")
    speakers = {u.speaker for u in sets["train"]}
    assert speakers == {"festvox-ru", "asterisk-it", "asterisk-ru"}


def test_sets_are_complete_sound_and_made_once(trees, data):
    for name, count in (("train", 40), ("valid", 10)):
        lists = ("wav.scp", "utt2spk", "spk2utt")
        problems = check_data_dir(data / name, fs=16000, required=lists)
        assert not problems, "\n".join(map(str, problems))
        assert len(read_scp(data / name / "wav.scp")) == count
    said = []
    write_ssl_sets(trees, data, {"train": 40, "valid": 10}, say=said.append)
    assert sum("kept" in line for line in said) == 2


def test_missing_speech_names_the_packages(trees):
    few = {name: tree for name, tree in trees.items() if "asterisk" not in name}
    few.pop("festvox-ru")
    with pytest.raises(UserError, match="festvox-ru"):
        ssl_utterances(few)
