"""Stage 2: faster and slower copies, mixture and references alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet2_ext.bin.perturb_speed import main
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import read_audio
from espnet2_ext.fileio.scp import read_scp


def perturb(directory: Path, factors: str = "0.9 1.0 1.1") -> Path:
    data, out = directory / "data", directory / "data_sp"
    data.mkdir()
    t = np.arange(8000) / 16000
    for stream, level in (("wav", 0.4), ("spk1", 0.2)):
        path = directory / f"u_{stream}.wav"
        soundfile.write(path, level * np.sin(2 * np.pi * 500 * t), 16000)
        (data / f"{stream}.scp").write_text(f"u {path}\n")
    (data / "utt2spk").write_text("u s\n")
    (data / "spk2utt").write_text("s u\n")
    (data / "text").write_text("u one two\n")
    (data / "spk2gender").write_text("s f\n")
    (data / "glm").write_text("* name glm\n\n[a] => b\n")
    words = ["--data_dir", str(data), "--out_dir", str(out), "--factors", factors]
    main(words)
    main([*words, "--merge", "true"])
    return out


def test_copies_have_espnets_ids_and_their_own_speakers(tmp_path):
    out = perturb(tmp_path)
    assert list(read_scp(out / "wav.scp")) == ["sp0.9-u", "sp1.1-u", "u"]
    assert (out / "utt2spk").read_text() == "sp0.9-u sp0.9-s\nsp1.1-u sp1.1-s\nu s\n"
    assert (out / "spk2utt").read_text() == "s u\nsp0.9-s sp0.9-u\nsp1.1-s sp1.1-u\n"
    assert read_scp(out / "text")["sp1.1-u"] == "one two"
    assert (out / "spk2gender").read_text() == "s f\nsp0.9-s f\nsp1.1-s f\n"
    assert (out / "glm").read_text() == "* name glm\n\n[a] => b\n"
    assert read_scp(out / "wav.scp")["u"] == str(tmp_path / "u_wav.wav")


def test_mixture_and_reference_stay_aligned(tmp_path):
    out = perturb(tmp_path)
    for utt, factor in (("sp0.9-u", 0.9), ("sp1.1-u", 1.1)):
        mixture, fs = read_audio(read_scp(out / "wav.scp")[utt])
        reference, _ = read_audio(read_scp(out / "spk1.scp")[utt])
        assert fs == 16000
        assert len(mixture) == len(reference) == pytest.approx(8000 / factor, abs=1)
        assert np.abs(mixture - 2 * reference).max() < 5 / 2**15  # rounding, twice


@pytest.mark.parametrize("factors", ["", "fast", "0", "1.0 20"])
def test_impossible_speeds_are_refused(tmp_path, factors):
    with pytest.raises(UserError, match=r"0\.9 1\.0 1\.1"):
        perturb(tmp_path, factors)
