from __future__ import annotations

from pathlib import Path

import pytest

from espnet2_ext.bin.filter_data import main
from espnet2_ext.errors import UserError


def filter_one(directory: Path, samples: int, fs: str, *more: str) -> None:
    org = directory / "org"
    org.mkdir()
    (org / "wav.scp").write_text("a a.wav\n")
    (org / "utt2num_samples").write_text(f"a {samples}\n")
    words = ["--in_dir", str(org), "--out_dir", str(directory / "out"), "--fs", fs]
    main([*words, *more])


def test_durations_are_seconds_at_the_given_rate(tmp_path, capsys):
    words = ["--min_wav_duration", "0.5", "--max_wav_duration", "0.6"]
    filter_one(tmp_path, 4001, "8k", *words)
    assert "1 of 1 utterances kept" in capsys.readouterr().out


def test_bounds_are_those_of_espnet_unless_given(tmp_path):
    with pytest.raises(UserError, match="strictly between 1600 and 320000 samples"):
        filter_one(tmp_path, 1600, "16k")
