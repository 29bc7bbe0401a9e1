"""Headers are neither trusted nor distrusted by exact values."""

import struct

import numpy as np
import pytest
import soundfile

from espnet2_ext.data.audiofacts import inspect_audio
from tests.data.conftest import tone

PLACEHOLDERS = [0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFF000, 0xFFFFF000, 0x80000000]
PLACEHOLDERS += [0x7FFFEFFF, 0x7FFFEFFC, 0xFFFFFFDB, 0x7FFFFFFF - 44, 0xFFFFFFFE]


def announce(path, size):
    """Let the header of a WAV file say that it has so many bytes of samples."""
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", size)
    path.write_bytes(data)


@pytest.mark.parametrize("size", PLACEHOLDERS)
def test_header_of_a_pipe_is_not_taken_for_truncation(tmp_path, size):
    path = tmp_path / "piped.wav"
    soundfile.write(path, tone(0.5, 1), 16000)
    announce(path, size)
    facts = inspect_audio(str(path))
    assert (facts.broken, facts.samples) == ("", 8000)


@pytest.mark.parametrize("size", [16002, 1 << 20, 1 << 30, 0x70000000, 0xF0000000])
def test_length_that_could_be_true_is_taken_at_its_word(tmp_path, size):
    path = tmp_path / "cut.wav"
    soundfile.write(path, tone(0.5, 1), 16000)
    announce(path, size)
    assert inspect_audio(str(path)).broken == "truncated"


def test_header_that_was_never_finished_is_told_from_audio_without_samples(tmp_path):
    path = tmp_path / "unfinished.wav"
    soundfile.write(path, tone(0.5, 1), 16000)
    announce(path, 0)
    facts = inspect_audio(str(path))
    assert facts.broken == "unfinished"
    assert "16000 bytes" in facts.detail
    soundfile.write(path, np.zeros(0), 16000)
    assert inspect_audio(str(path)).broken == "empty"


def test_rf64_says_its_length_in_a_chunk_of_its_own(tmp_path):
    path = tmp_path / "long.wav"
    soundfile.write(path, tone(0.5, 1), 16000, format="RF64")
    assert path.read_bytes()[:4] == b"RF64"
    assert inspect_audio(str(path)).samples == 8000
    path.write_bytes(path.read_bytes()[:-200])
    assert inspect_audio(str(path)).broken == "truncated"
