import csv
import os

import pytest

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import read_audio, write_audio
from espnet2_ext.fileio.scp import read_scp, write_scp
from espnet2_ext.superb.tasks import TASKS, task_of
from espnet2_ext.superb.views import ViewBuilder


@pytest.fixture
def twins(broken):
    """The corpus with clean and noisy lists of all test audio: (corpus, two paths)."""
    return broken, *map(str, broken.add_noise(0, tuple(TASKS)))


def build(corpus, clean, condition, name="ks"):
    out = corpus.root / "views" / f"{name}.csv"
    builder = ViewBuilder(clean, condition)
    return builder.build(task_of(name), corpus.superb_dir, out), out


@pytest.mark.parametrize("name", TASKS)
def test_only_audio_columns_change(twins, name):
    corpus, clean, noisy = twins
    problems, out = build(corpus, clean, noisy, name)
    assert problems == []
    before = corpus.read(name, "test")
    with open(out, newline="") as stream:
        after = list(csv.DictReader(stream))
    ids = {path: utt for utt, path in read_scp(clean).items()}
    paths = read_scp(noisy)
    audio = TASKS[name].audio_columns("test")
    for old, new in zip(before, after, strict=True):
        assert {k: v for k, v in new.items() if k not in audio} == {
            k: v for k, v in old.items() if k not in audio
        }
        for column in audio:
            assert new[column] == paths[ids[old[column]]]


def test_both_sides_of_a_trial_change(twins):
    corpus, clean, noisy = twins
    _, out = build(corpus, clean, noisy, "asv")
    text = out.read_text()
    assert not any(path in text for path in read_scp(clean).values())


def test_everything_that_does_not_fit_is_reported_and_nothing_written(twins):
    corpus, clean, noisy = twins
    ids = {path: utt for utt, path in read_scp(clean).items()}
    utts = [ids[row["wav_path"]] for row in corpus.read("ks", "test")]
    lost, short, slow, gone = utts[:4]
    table = read_scp(noisy)
    wav, _ = read_audio(table[short])
    write_audio(corpus.root / "short.wav", wav[:-1], 16000)
    write_audio(corpus.root / "slow.wav", wav, 8000)
    table |= {
        short: str(corpus.root / "short.wav"),
        slow: str(corpus.root / "slow.wav"),
        gone: "gone.wav",
    }
    del table[lost]
    write_scp(corpus.root / "broken.scp", table)
    problems, out = build(corpus, clean, str(corpus.root / "broken.scp"))
    assert [p.kind for p in problems] == ["missing-id", "length", "rate", "audio"]
    assert [p.line for p in problems] == [2, 3, 4, 5]
    assert f"{len(wav) - 1} samples" in problems[1].found
    assert not out.exists()


def test_a_view_that_stood_stays_when_the_next_is_refused(twins):
    corpus, clean, noisy = twins
    _, out = build(corpus, clean, noisy)
    before = out.read_bytes()
    table = dict(list(read_scp(noisy).items())[:1])
    write_scp(corpus.root / "few.scp", table)
    problems, _ = build(corpus, clean, str(corpus.root / "few.scp"))
    assert problems
    assert out.read_bytes() == before


def test_test_audio_without_a_clean_twin(twins):
    corpus, clean, noisy = twins
    first = corpus.read("sid", "test")[0]
    table = {k: v for k, v in read_scp(clean).items() if v != first["wav_path"]}
    write_scp(clean, table)
    problems, _ = build(corpus, clean, noisy, "sid")
    assert [(p.kind, p.line, p.utt) for p in problems] == [("no-twin", 2, first["id"])]
    assert clean in problems[0].found


def test_paths_are_compared_as_places_not_as_text(twins, monkeypatch):
    corpus, clean, noisy = twins
    monkeypatch.chdir(corpus.root)
    table = read_scp(clean)
    write_scp(clean, {utt: os.path.relpath(path) for utt, path in table.items()})
    assert build(corpus, clean, noisy)[0] == []


def test_missing_list_is_refused(twins):
    corpus, clean, _ = twins
    with pytest.raises(UserError, match=r"nowhere\.scp: no such file"):
        build(corpus, clean, "nowhere.scp")
