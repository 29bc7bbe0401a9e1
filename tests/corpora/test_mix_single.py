"""WHAM! and Libri2Mix in miniature, one speaker and noise."""

from __future__ import annotations

import numpy as np
import pytest

from espnet2_ext.bin.prepare_mix_single import main
from espnet2_ext.data.check import check_data_dir
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import read_audio
from espnet2_ext.fileio.scp import read_scp

FOLDERS = {"wham": "wham_mix", "libri2mix": "libri2mix"}


@pytest.fixture
def prepare(corpus, tmp_path):
    def run(name, *words, partial=True):
        out = tmp_path / "data"
        root = corpus(FOLDERS[name])
        given = ["--corpus", name, "--corpus_dir", str(root), "--out_dir", str(out)]
        main([*given, *(["--allow_partial"] if partial else []), *words])
        return out

    return run


@pytest.mark.parametrize(
    ("name", "test", "speakers"),
    [
        (
            "wham",
            ["050a0501_1.7_442o030z_-1.7", "053a0502_0.1_420o030b_-0.1"],
            ["050", "053"],
        ),
        ("libri2mix", ["61-70968-0000_61-70970-0000"], ["61"]),
    ],
)
def test_first_speaker_and_noise_make_up_the_mixture(prepare, name, test, speakers):
    out = prepare(name)
    for part in ("train", "valid", "test"):
        assert not [p for p in check_data_dir(out / part, fs=16000) if not p.warning]
    lists = {
        kind: read_scp(out / "test" / kind)
        for kind in ("wav.scp", "spk1.scp", "noise1.scp", "utt2spk")
    }
    assert list(lists["wav.scp"]) == test
    assert list(lists["utt2spk"].values()) == speakers
    for id_ in test:
        mix, speech, noise = (
            read_audio(lists[kind][id_])[0]
            for kind in ("wav.scp", "spk1.scp", "noise1.scp")
        )
        np.testing.assert_allclose(mix, speech + noise, atol=1e-4)
        assert "mix_single" in lists["wav.scp"][id_]


def test_transcripts_are_those_of_the_first_utterance(prepare, corpus):
    out = prepare("libri2mix", "--librispeech_dir", str(corpus("librispeech")))
    text = read_scp(out / "train/text")
    assert text["26-495-0000_19-198-0001"] == "IT'S A LITTLE ABBEY"


def test_transcript_that_is_missing_is_named(prepare, corpus):
    root = corpus("librispeech")
    (root / "dev-clean").rename(root / "other")
    with pytest.raises(UserError, match="no transcript of 1 utterances of valid"):
        prepare("libri2mix", "--librispeech_dir", str(root))


@pytest.mark.parametrize("stream", ["mix_single", "s1", "noise"])
def test_file_that_is_missing_is_named(prepare, corpus, stream, tmp_path):
    (file,) = (corpus("libri2mix") / "wav16k/min/dev" / stream).iterdir()
    (file.parent / "more.wav").write_bytes(file.read_bytes())
    file.unlink()
    with pytest.raises(UserError, match=r"84-121123-0000_84-121123-0000"):
        prepare("libri2mix")
    assert not (tmp_path / "data").exists()


def test_incomplete_corpus_is_refused_with_the_published_count(prepare):
    with pytest.raises(UserError, match=r"2 mixtures.*expected 20000"):
        prepare("wham", partial=False)


def test_folder_of_a_rate_and_mode_will_do(corpus, tmp_path):
    root = corpus("wham_mix") / "wav16k/min"
    words = ["--corpus", "wham", "--corpus_dir", str(root), "--allow_partial"]
    main([*words, "--out_dir", str(tmp_path / "out")])
    assert len(read_scp(tmp_path / "out/train/wav.scp")) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--corpus", "whamm"], "Did you mean 'wham'"),
        (["--corpus", "wham"], r"WHAM_MIX of db\.sh is empty"),
        (["--corpus", "wham", "--corpus_dir", "/nowhere"], "no such folder"),
    ],
)
def test_what_is_not_there_is_one_clear_error(words, message):
    with pytest.raises(UserError, match=message):
        main(words)


def test_unknown_part_is_refused(prepare):
    with pytest.raises(UserError, match="Did you mean 'train-360'"):
        prepare("libri2mix", "--train_part", "train-36")
