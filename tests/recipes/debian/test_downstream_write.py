import csv
import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from corpus import prepare
from corpus.downstream import write
from corpus.downstream.roles import ROLES
from corpus.downstream.summary import summary
from corpus.downstream.tasks import TASKS
from corpus.downstream.write import write_tasks
from corpus.noise import noise_pools
from espnet2_ext.bin import make_noisy_set
from espnet2_ext.data.check import check_data_dir
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.scp import read_scp
from tests.recipes.debian.conftest import kill_at_first_audio

HEADERS = {
    "pr": "id,wav_path,transcription",
    "asr": "id,wav_path,transcription",
    "sid": "id,wav_path,label",
    "asv": "id,wav_path,spk",
    "ic": "id,wav_path,labels",
    "ks": "id,wav_path,label",
    "lid": "id,wav_path,label",
}


def quiet(line):
    pass


def contents(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


def rows(path):
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def trees(downstream_root):
    return {tree.name: tree for tree in sorted(downstream_root.iterdir())}


@pytest.fixture(scope="module")
def built(trees, tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipe")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_tasks(trees, Path("data/superb"), "demo", 2, quiet)
    return folder


def test_every_task_has_its_manifests_with_the_columns_agreed(built):
    assert [task.name for task in TASKS if task.demo] == list(HEADERS)
    for name, header in HEADERS.items():
        for role in ROLES:
            path = built / "data/superb" / name / f"{role}.csv"
            if (name, role) == ("asv", "valid"):
                assert not path.exists()
                continue
            trial = (name, role) == ("asv", "test")
            expected = "id1,id2,wav_path1,wav_path2,label" if trial else header
            lines = path.read_text(encoding="utf-8").splitlines()
            assert lines[0] == expected
            assert all(all(row.values()) for row in rows(path))


def test_manifests_name_16_khz_16_bit_audio_at_one_level(built, monkeypatch):
    monkeypatch.chdir(built)
    seen = {}
    for path in Path("data/superb").glob("*/*.csv"):
        for row in rows(path):
            for id_, column in (("id", "wav_path"), ("id1", "wav_path1")):
                if column in row:
                    assert seen.setdefault(row[column], row[id_]) == row[id_]
    assert len(seen) == len(set(seen.values())) > 500
    for wav_path in list(seen)[::25]:
        info = soundfile.info(wav_path)
        assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
        wav, _ = soundfile.read(wav_path)
        assert 10 * np.log10(np.mean(wav**2)) == pytest.approx(-25, abs=0.1)


def test_noise_is_the_test_pool_with_its_types(built, trees, monkeypatch):
    monkeypatch.chdir(built)
    pool = noise_pools(trees)["test"]
    files = {clip.id for clips in pool.files.values() for clip in clips}
    types = read_scp("data/superb/noise/utt2type")
    assert files == {id_ for id_, kind in types.items() if kind != "babble"}
    assert sum(kind == "babble" for kind in types.values()) == write.BABBLE_FILES
    assert all(
        Path(p).is_file() for p in read_scp("data/superb/noise/wav.scp").values()
    )


def test_noisy_twin_of_all_tasks_passes_the_checker(built, monkeypatch, capsys):
    monkeypatch.chdir(built)
    noise = ["--noise_scp", "data/superb/noise/wav.scp", "--nj", "2"]
    noise += ["--utt2type", "data/superb/noise/utt2type"]
    noise += ["--utt2spk", "data/superb/utt2spk"]
    tests = sorted(map(str, Path("data/superb").glob("*/test.csv")))
    make_noisy_set.main(["--csv", *tests, *noise, "--out_dir", "data/test_superb"])
    problems = check_data_dir("data/test_superb", fs=16000)
    assert [p.kind for p in problems] == ["missing-file"]  # text: a warning
    assert problems[0].warning
    clean = read_scp("data/test_superb/spk1.scp")
    named = {
        row[column]
        for path in tests
        for row in rows(path)
        for column in row
        if column.startswith("wav_path")
    }
    assert set(clean.values()) == named
    argv = ["--csv", "data/superb/asr/test.csv", "--text_column", "transcription"]
    make_noisy_set.main([*argv, *noise, "--out_dir", "data/test_ru"])
    assert check_data_dir("data/test_ru", fs=16000) == []
    texts = {
        row["id"]: row["transcription"] for row in rows("data/superb/asr/test.csv")
    }
    assert read_scp("data/test_ru/text") == texts
    # the same utterances sound the same in both
    both = [read_scp(f"data/{name}/wav.scp") for name in ("test_ru", "test_superb")]
    for id_, path in both[0].items():
        assert Path(path).read_bytes() == Path(both[1][id_]).read_bytes()


def test_complete_tasks_are_left_alone_and_lost_ones_come_back(
    built, trees, monkeypatch
):
    monkeypatch.chdir(built)
    before = contents(built / "data/superb")
    times = {p: p.stat().st_mtime_ns for p in Path("data/superb").rglob("*.csv")}
    said = []
    write_tasks(trees, Path("data/superb"), "demo", 1, said.append)
    assert said == ["data/superb: complete for size 'demo', nothing to do"]
    assert times == {
        p: p.stat().st_mtime_ns for p in Path("data/superb").rglob("*.csv")
    }
    Path("data/superb/manifest.json").unlink()
    Path("data/superb/ks/train.csv").unlink()
    audio = sorted(Path("data/superb/audio").glob("*.wav"))
    kept = audio[1].stat().st_mtime_ns
    audio[0].unlink()
    write_tasks(trees, Path("data/superb"), "demo", 1, quiet)
    assert contents(built / "data/superb") == before
    assert audio[1].stat().st_mtime_ns == kept


def test_a_smaller_size_leaves_no_rows_of_tasks_that_it_lacks(
    built, trees, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(built / "data/superb", "data/superb")
    write_tasks(trees, Path("data/superb"), "quick", 1, quiet)
    left = {path.parent.name for path in Path("data/superb").glob("*/*.csv")}
    assert left == {"pr", "ks", "sid"}
    assert rows("data/superb/pr/test.csv")[0]["transcription"].split()[:4] == list(
        "preɡ"
    )


def test_other_packages_make_the_audio_again(trees, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stale = Path("data/superb/audio/old.wav")
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"of another release")
    write._begin(stale.parent, {"format": 1, "packages": {"a": "a_1.deb"}})
    assert not stale.exists()
    stale.write_bytes(b"of this release")
    write._begin(stale.parent, {"format": 1, "packages": {"a": "a_1.deb"}})
    assert stale.exists()


SCRIPT = """
import sys
from pathlib import Path
from corpus.downstream.write import write_tasks
trees = {tree.name: tree for tree in sorted(Path(sys.argv[1]).iterdir())}
write_tasks(trees, Path("data/superb"), "demo", 1)
"""


def test_killed_run_leaves_no_manifest_and_the_next_gives_the_same(
    built, downstream_root, trees, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    kill_at_first_audio(SCRIPT, downstream_root, Path("data/superb/audio"))
    assert not Path("data/superb/manifest.json").exists()
    assert not list(Path("data/superb").glob("*/*.csv"))
    write_tasks(trees, Path("data/superb"), "demo", 2, quiet)
    # the file that was being written stays under its temporary name, unlisted
    made = {k: v for k, v in contents("data/superb").items() if ".tmp." not in k}
    assert made == contents(built / "data/superb")


def test_wrong_options_are_refused_before_any_download(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"Did you mean 'demo'"):
        prepare.main(["downstream", "--superb_size", "demos"])
    with pytest.raises(UserError, match=r"--nj 0; expected --nj of 1 or more"):
        prepare.main(["downstream", "--nj", "0"])
    assert list(tmp_path.iterdir()) == []


def test_summary_counts_items_files_and_classes(built):
    lines = list(summary(built / "data/superb/asv"))
    trials = rows(built / "data/superb/asv/test.csv")
    same = sum(row["label"] == "1" for row in trials)
    assert lines[0].startswith("train ")
    assert f"({same} target, {len(trials) - same} other)" in lines[1]
    (first, *_) = summary(built / "data/superb/ks")
    assert "in 36 classes of" in first
