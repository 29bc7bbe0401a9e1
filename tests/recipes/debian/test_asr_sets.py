"""The ASR sets out of packages in miniature."""

import numpy as np
import pytest
import soundfile

from corpus.asr_sets import CLEAN, NOISY, write_asr_sets
from corpus.russian import LETTERS
from espnet2_ext.data.check import check_data_dir
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.scp import read_scp

LISTS = ("wav.scp", "text", "utt2spk", "spk2utt")


@pytest.fixture(scope="module")
def trees(downstream_root):
    return {tree.name: tree for tree in sorted(downstream_root.iterdir())}


@pytest.fixture(scope="module")
def data(trees, tmp_path_factory):
    folder = tmp_path_factory.mktemp("asr") / "data"
    write_asr_sets(trees, folder, {}, jobs=1)
    return folder


def written(folder):
    """Every file's bytes, but for the place they are in."""
    return {
        path.relative_to(folder): path.read_bytes().replace(str(folder).encode(), b"")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_sets_are_complete_sound_and_apart(data):
    ids = {}
    for name in (*CLEAN, NOISY):
        problems = check_data_dir(data / name, fs=16000, required=LISTS)
        assert not problems, "\n".join(map(str, problems))
        text = read_scp(data / name / "text")
        assert set("".join(text.values())) <= set(LETTERS + " ")
        ids[name] = set(text)
    assert not ids["train"] & ids["valid"]
    assert not ids["train"] & ids["test"]
    assert not ids["valid"] & ids["test"]
    assert ids["test"] == ids[NOISY]
    assert read_scp(data / "test/text") == read_scp(data / NOISY / "text")


def test_noisy_test_has_the_stated_snr_and_the_clean_length(data):
    noisy = data / NOISY
    clean, mix = read_scp(noisy / "spk1.scp"), read_scp(noisy / "wav.scp")
    snrs = read_scp(noisy / "utt2snr")
    for utt, path in clean.items():
        speech, _ = soundfile.read(path)
        noise = soundfile.read(mix[utt])[0] - speech
        snr = 10 * np.log10(np.sum(speech**2) / np.sum(noise**2))
        assert snr == pytest.approx(float(snrs[utt]), abs=0.1)
        alone, _ = soundfile.read(data / "test/audio" / f"{utt}.wav")
        assert len(alone) == len(speech)
    assert len(set(snrs.values())) > 1


def test_same_seed_same_bytes_and_nothing_is_done_twice(trees, data, tmp_path):
    again = tmp_path / "data"
    write_asr_sets(trees, again, {}, jobs=1)
    assert written(again) == written(data)
    said = []
    before = {p: p.stat().st_mtime_ns for p in again.rglob("*") if p.is_file()}
    write_asr_sets(trees, again, {}, jobs=1, say=said.append)
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert sum("kept" in line for line in said) == 4
    (again / "test/manifest.json").unlink()  # as a killed run leaves it
    write_asr_sets(trees, again, {}, jobs=1)
    assert written(again) == written(data)


def test_another_seed_changes_the_noise_alone(trees, data, tmp_path):
    write_asr_sets(trees, tmp_path / "data", {}, seed=1)
    other, one = written(tmp_path / "data"), written(data)
    mix = [path for path in one if "mix" in path.parts]
    assert any(other[path] != one[path] for path in mix)
    for name in CLEAN:
        audio = [p for p in one if p.parts[0] == name and p.suffix == ".wav"]
        assert audio
        assert all(other[path] == one[path] for path in audio)


def test_few_utterances_are_spread_over_the_voices(trees, tmp_path):
    write_asr_sets(trees, tmp_path, {"train": 4, "valid": 2, "test": 2, NOISY: 2})
    assert len(read_scp(tmp_path / "train/wav.scp")) == 4
    assert len(read_scp(tmp_path / NOISY / "wav.scp")) == 2
    assert len(set(read_scp(tmp_path / "train/utt2spk").values())) > 1


def test_packages_without_noise_are_refused(trees, tmp_path):
    speech = {n: t for n, t in trees.items() if "-ru" in n}
    with pytest.raises(UserError, match="found no noise in the packages"):
        write_asr_sets(speech, tmp_path, {})
    assert not (tmp_path / NOISY / "wav.scp").exists()
