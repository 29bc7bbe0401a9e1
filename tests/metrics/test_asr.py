from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from espnet2_ext.errors import UserError
from espnet2_ext.metrics import asr
from tests.metrics.test_signal import speech_like


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Press 1, or 2 -- now!", "press one or two now"),
        ("Twenty-five", "twenty five"),
        ("25 new messages", "twenty five new messages"),
        ("call 5551234", "call five five five one two three four"),
        ("room 007", "room zero zero seven"),
        ("1,200 votes", "one thousand two hundred votes"),
        ("Don’t 'quote' it", "don't 'quote' it"),
        ("...", ""),
    ],
)
def test_normalise(text: str, words: str) -> None:
    assert asr.normalise(text) == words


def test_errors_are_those_of_a_hand_alignment() -> None:
    count = asr.word_errors("press one two three now", "Press 1, too three now please")
    assert (count.substitutions, count.deletions, count.insertions) == (1, 0, 1)
    assert count.words == 5
    assert count.percent == pytest.approx(40)


def test_empty_hypothesis_deletes_every_word() -> None:
    assert asr.word_errors("a b c", "") == asr.ErrorCount(deletions=3, words=3)


def test_text_without_words_counts_only_insertions() -> None:
    assert asr.word_errors("...", "uh oh") == asr.ErrorCount(insertions=2)


# those that are not there are refused, as the last test says
INSTALLED = ["pocketsphinx", "whisper_tiny_en"]


def test_silence_is_recognised_as_nothing() -> None:
    for name in asr.RECOGNISERS:
        assert asr.transcribe(name, np.zeros(16000, dtype=np.float32), 16000) == ""


@pytest.mark.parametrize("name", INSTALLED)
def test_recognisers_hear_nothing_in_what_holds_nothing(name: str) -> None:
    for package in asr.RECOGNISERS[name].packages:
        pytest.importorskip(package)
    noise = np.random.default_rng(0).standard_normal(1600)
    for wav in (
        *(noise[:samples] for samples in (1, 2, 160, 1600)),
        *(1e-42 * noise, np.full(16000, 0.3), 1e30 * noise),
    ):
        assert asr.transcribe(name, wav.astype(np.float32), 16000) == ""


@pytest.mark.slow
@pytest.mark.parametrize("name", INSTALLED)
def test_recognisers_take_a_minute(name: str) -> None:
    for package in asr.RECOGNISERS[name].packages:
        pytest.importorskip(package)
    assert isinstance(asr.transcribe(name, speech_like(60), 16000), str)


def test_pocketsphinx_does_not_remember_the_utterance_before() -> None:
    pytest.importorskip("pocketsphinx")
    voice = speech_like(1.2, seed=1)
    noise = 0.1 * np.random.default_rng(1).standard_normal(len(voice))
    first = asr.transcribe("pocketsphinx", voice, 16000)
    asr.transcribe("pocketsphinx", noise.astype(np.float32), 16000)
    assert asr.transcribe("pocketsphinx", voice, 16000) == first


def test_unknown_recogniser_names_the_closest() -> None:
    with pytest.raises(UserError, match="Did you mean 'pocketsphinx'"):
        asr.recogniser("pocket_sphinx")


@pytest.mark.parametrize("name", asr.DOWNLOADED)
def test_a_larger_whisper_that_is_not_there_is_refused_with_the_command(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    faster_whisper = pytest.importorskip("faster_whisper")

    def missing(size: str, local_files_only: bool) -> str:
        assert (size, local_files_only) == (name, True)
        raise FileNotFoundError(size)

    key = "whisper_" + name.replace(".", "_").replace("-", "_")
    monkeypatch.setattr(faster_whisper, "download_model", missing)
    with pytest.raises(
        UserError, match=rf"no Whisper '{name}'.*download_model\('{name}'"
    ):
        asr.recogniser(key)
    monkeypatch.setattr(
        faster_whisper, "download_model", lambda *_, **__: str(tmp_path)
    )
    assert asr.recogniser(key).options["model"] == name
