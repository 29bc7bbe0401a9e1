from __future__ import annotations

import re

import pytest
import soundfile

from espnet2_ext.bin.report import main
from espnet2_ext.errors import UserError
from espnet2_ext.report.breakdown import read_groups
from tests.report.conftest import FS, Corpus


def write(corpus: Corpus, name: str, values: list[object]) -> None:
    lines = [f"{utt} {v}\n" for utt, v in zip(corpus.utts, values, strict=False)]
    (corpus.data / name).write_text("".join(lines))


def groups(corpus: Corpus, name: str) -> dict[str, list[str]]:
    found = read_groups(corpus.data, corpus.utts, name)
    assert found
    return found[1]


def test_numbers_stand_in_order_and_texts_after_them(corpus: Corpus) -> None:
    write(corpus, "utt2snr", [10, "clean", 5, 10])
    assert groups(corpus, "utt2snr") == {
        "5 dB": ["u2"],
        "10 dB": ["u0", "u3"],
        "clean dB": ["u1"],
    }


def test_durations_are_put_in_ranges(corpus: Corpus) -> None:
    seconds = [1.0, 2.0, 3.99, 4.0, 100.0]
    write(corpus, "utt2dur", seconds)
    expected = {
        "0 to 2 s": ["u0"],
        "2 to 4 s": ["u1", "u2"],
        "4 to 8 s": ["u3"],
        "16 s up": ["u4"],
    }
    assert groups(corpus, "utt2dur") == expected
    assert soundfile.info(corpus.data / "noisy_u0.wav").samplerate == FS
    write(corpus, "utt2num_samples", [round(s * FS) for s in seconds])
    assert groups(corpus, "utt2num_samples") == expected


def test_duration_that_is_no_number_is_refused(corpus: Corpus) -> None:
    write(corpus, "utt2dur", ["long"])
    with pytest.raises(UserError, match=r"utt2dur: 'u0': found 'long', expected a nu"):
        groups(corpus, "utt2dur")


def test_every_file_that_is_asked_for_has_its_table(corpus: Corpus) -> None:
    write(corpus, "utt2lang", ["en", "de"] * 4)
    arguments = [*corpus.arguments, "--num_examples", "0"]
    main([*arguments, "--by", "utt2noise", "utt2lang"])
    text = (corpus.root / "out/RESULTS.md").read_text()
    assert re.findall(r"### test_en: (by .*)", text) == ["by noise", "by lang"]
    by_lang = text.split("### test_en: by lang")[1].split("###")[0]
    rows = [line.split("|")[1:4] for line in by_lang.splitlines() if "noisy" in line]
    # Odd utterances are German: 5.1, 5.3, 5.5, 5.7 dB.
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["de [4 utt]", "noisy", "5.40"],
        ["en [4 utt]", "noisy", "5.30"],
    ]
    with pytest.raises(UserError, match=r"'utt2langs'.*Did you mean 'utt2lang'"):
        main([*arguments, "--by", "utt2langs"])
