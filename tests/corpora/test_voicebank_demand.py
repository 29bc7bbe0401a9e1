"""VoiceBank-DEMAND in miniature: sets, words, conditions, and what is refused."""

from __future__ import annotations

import pytest

from espnet2_ext.bin.prepare_voicebank_demand import main
from espnet2_ext.data.check import check_data_dir
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.scp import read_scp


@pytest.fixture
def root(corpus):
    return corpus("voicebank_demand")


@pytest.fixture
def prepare(root, tmp_path):
    def run(*words, folder=root):
        out = tmp_path / "data"
        main(["--corpus_dir", str(folder), "--out_dir", str(out), *words])
        return out

    return run


def test_two_speakers_are_held_out_and_the_test_is_the_published_one(prepare):
    out = prepare("--allow_partial")
    ids = {name: list(read_scp(out / name / "wav.scp")) for name in ("train", "valid")}
    assert ids == {
        "train": ["p239_001", "p239_005"],
        "valid": ["p226_001", "p226_002", "p287_003"],
    }
    test = read_scp(out / "test/wav.scp")
    assert list(test) == ["p232_001", "p257_006"]
    assert test["p232_001"].endswith("noisy_testset_wav/p232_001.wav")
    clean = read_scp(out / "test/spk1.scp")["p232_001"]
    assert clean.endswith("clean_testset_wav/p232_001.wav")
    for name in ("train", "valid", "test"):
        assert not check_data_dir(out / name, fs=48000)


def test_words_and_conditions_come_with_it(prepare):
    out = prepare("--allow_partial")
    text = read_scp(out / "train/text")
    assert text["p239_005"] == "IT'S A SIGHT ISN'T IT"
    assert read_scp(out / "test/utt2snr") == {"p232_001": "2.5", "p257_006": "17.5"}
    assert read_scp(out / "valid/utt2noise")["p226_001"] == "babble"


def test_resampled_folders_and_a_corpus_without_words_or_log_will_do(
    prepare, root, capsys
):
    for path in sorted(root.glob("*_wav")):
        path.rename(path.with_name(f"{path.name}_16k"))
    for folder in ("logfiles", "trainset_28spk_txt", "testset_txt"):
        for path in sorted((root / folder).iterdir()):
            path.unlink()
        (root / folder).rmdir()
    out = prepare("--allow_partial")
    assert len(read_scp(out / "train/wav.scp")) == 2
    assert not (out / "test/text").exists()
    assert "no utt2snr, which the corpus lacks" in capsys.readouterr().out


def test_incomplete_corpus_is_refused_with_the_published_count(prepare):
    with pytest.raises(UserError, match=r"5 files.*expected 11572"):
        prepare()


def damaged(root):
    """Yield what to do to the corpus, and what a message must have."""
    noisy = root / "noisy_trainset_28spk_wav"
    clean = root / "clean_testset_wav"
    yield (noisy / "p239_001.wav").unlink, r"no noisy file for it.*'p239_001'|p239_001"
    yield lambda: (clean / "p257_006.wav").write_bytes(b""), r"p257_006"
    yield (root / "testset_txt/p232_001.txt").unlink, r"p232_001\.txt"
    log = root / "logfiles/log_testset.txt"
    yield lambda: log.write_text("p232_001 bus loud\n"), r"log_testset\.txt:1"


@pytest.mark.parametrize("number", range(4))
def test_what_is_missing_or_damaged_is_named(prepare, root, number, tmp_path):
    harm, message = list(damaged(root))[number]
    harm()
    with pytest.raises(UserError, match=message):
        prepare("--allow_partial")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("speakers", ["p226 p999", "p226 p239 p287", ""])
def test_validation_needs_some_speakers_and_training_others(prepare, speakers):
    with pytest.raises(UserError, match=r"expected some of p226 p239 p287"):
        prepare("--allow_partial", "--valid_speakers", speakers)


def test_folder_that_is_not_given_or_not_there_says_what_belongs_there(prepare):
    with pytest.raises(UserError, match=r"VOICEBANK_DEMAND of db\.sh is empty"):
        main([])
    with pytest.raises(UserError, match=r"10\.7488/ds/2117"):
        prepare(folder="/nowhere")
