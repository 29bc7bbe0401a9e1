import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from corpus import build
from corpus.build import build_corpus
from corpus.plan import Options
from corpus.splits import SETS
from espnet2_ext.data.check import check_data_dir
from espnet2_ext.fileio.scp import read_scp
from tests.recipes.debian.conftest import kill_at_first_audio

OPTIONS = Options("small", max_train_utts=6, max_test_utts=6)


def quiet(line):
    pass


def contents(folder):
    """{relative path: digest} of everything but the manifest's folder names."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def built(small_trees, tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        build_corpus(small_trees, Path("data"), OPTIONS, 2, quiet)
    return folder


def test_every_set_passes_the_checker(built, monkeypatch):
    monkeypatch.chdir(built)
    for name in SETS:
        assert check_data_dir(f"data/{name}", fs=16000) == []
        lists = {path.name for path in Path("data", name).iterdir() if path.is_file()}
        assert lists == {
            "wav.scp", "spk1.scp", "noise1.scp", "utt2spk", "spk2utt", "text",
            "utt2snr", "utt2noise", "utt2lang", "utt2clips", "manifest.json",
        }  # fmt: skip


def test_files_add_up_sample_by_sample_at_the_listed_snr(built, monkeypatch):
    monkeypatch.chdir(built)
    for name in SETS:
        tables = {
            key: read_scp(f"data/{name}/{key}.scp") for key in ("wav", "spk1", "noise1")
        }
        for utt, snr in read_scp(f"data/{name}/utt2snr").items():
            wav, ref, noise = (
                soundfile.read(tables[key][utt], dtype="int16")[0].astype(np.int64)
                for key in ("wav", "spk1", "noise1")
            )
            np.testing.assert_array_equal(wav, ref + noise)
            measured = 10 * np.log10((ref**2).sum() / (noise**2).sum())
            assert measured == pytest.approx(float(snr), abs=0.05)
            info = soundfile.info(tables["wav"][utt])
            assert (info.samplerate, info.channels, info.subtype) == (
                16000,
                1,
                "PCM_16",
            )


def test_listed_noise_belongs_to_the_pool_of_the_set(built):
    files = {}
    for name in SETS:
        values = read_scp(built / "data" / name / "utt2noise").values()
        files[name] = {file for value in values for file in value.split()[1].split(",")}
        outside = {"beats", "typing"}
        kinds = outside if name == "test_out" else {"ambient", "music", "babble"}
        assert {value.split()[0] for value in values} <= kinds
    assert not files["train"] & (files["test_en"] | files["test_spk2"])
    assert not files["valid"] & (files["train"] | files["test_en"])


def test_same_seed_gives_same_bytes_whatever_the_number_of_jobs(
    built, small_trees, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    build_corpus(small_trees, Path("data"), OPTIONS, 1, quiet)
    assert contents(tmp_path) == contents(built)


def test_other_seed_gives_other_mixtures(built, small_trees, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    other = Options("small", max_train_utts=2, max_test_utts=2, seed=1)
    build_corpus(small_trees, Path("data"), other, 1, quiet)
    first, second = contents(built), contents(tmp_path)
    mixes = [name for name in second if "/mix/" in name]
    assert mixes
    assert all(first[name] != second[name] for name in mixes)


def test_complete_corpus_is_left_alone(built, small_trees, monkeypatch):
    monkeypatch.chdir(built)
    before = {path: path.stat().st_mtime_ns for path in Path("data").rglob("*")}
    lines = []
    build_corpus(small_trees, Path("data"), OPTIONS, 1, lines.append)
    assert len(lines) == 1
    assert "nothing to do" in lines[0]
    assert {p: p.stat().st_mtime_ns for p in Path("data").rglob("*")} == before


def test_changed_options_rebuild_only_what_they_change(
    small_trees, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    few = {"max_train_utts": 2, "max_test_utts": 2}
    build_corpus(small_trees, Path("data"), Options("small", **few), 1, quiet)
    Path("data/train/audio/mix/stray.wav").touch()
    tests_before = contents("data/test_en")
    lines = []
    options = Options("small", train_copies=2, **few)
    build_corpus(small_trees, Path("data"), options, 1, lines.append)
    assert "test_en: complete and the same, kept" in lines
    assert len(read_scp("data/train/wav.scp")) == 4
    assert not Path("data/train/audio/mix/stray.wav").exists()
    tests_after = contents("data/test_en")
    tests_before.pop("manifest.json")
    tests_after.pop("manifest.json")
    assert tests_after == tests_before
    assert check_data_dir("data/train") == []


SCRIPT = """
import sys
from pathlib import Path
from corpus.build import build_corpus
from corpus.plan import Options
trees = {p.name: p for p in sorted(Path(sys.argv[1]).iterdir())}
build_corpus(trees, Path("data"), Options("small", 6, 6), 1)
"""


def test_killed_run_leaves_no_list_and_the_next_gives_the_same(
    built, small_root, small_trees, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    kill_at_first_audio(SCRIPT, small_root, Path("data/train/audio/mix"))
    assert not Path("data/train/manifest.json").exists()
    assert not Path("data/test_en/wav.scp").exists()
    build_corpus(small_trees, Path("data"), OPTIONS, 1, quiet)
    assert contents(tmp_path) == contents(built)


def test_rebuild_takes_the_signs_of_completeness_away_first(
    small_trees, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    few = {"max_train_utts": 1, "max_test_utts": 1}
    build_corpus(small_trees, Path("data"), Options("small", **few), 1, quiet)

    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(build.shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        build.clear_set(Path("data/train"))
    assert not Path("data/train/manifest.json").exists()
    assert not Path("data/train/wav.scp").exists()


def test_rooms_are_written_down_and_still_add_up(small_trees, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = Options("small", max_train_utts=3, max_test_utts=2, rir_prob=1.0)
    build_corpus(small_trees, Path("data"), options, 1, quiet)
    times = read_scp("data/train/utt2rt60")
    assert len(times) == 3
    assert all(0.05 < float(value) < 1.0 for value in times.values())
    for utt in times:
        wav, ref, noise = (
            soundfile.read(f"data/train/audio/{kind}/{utt}.wav", dtype="int16")[0]
            for kind in ("mix", "clean", "noise")
        )
        total = ref.astype(np.int64) + noise
        np.testing.assert_array_equal(wav, total)
    assert check_data_dir("data/train") == []
