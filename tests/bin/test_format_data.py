"""Stage 3: audio in one format and rate, references aligned with mixtures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet2_ext.bin.format_data import main
from espnet2_ext.data.format import AUDIO_FORMATS, conforms, parse_fs, part_of
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.archives import archive_module
from espnet2_ext.fileio.audio import read_audio
from espnet2_ext.fileio.scp import read_scp

STREAMS = ("wav", "spk1", "noise1")


def make_data(directory: Path, fs: int, suffix: str = "wav") -> Path:
    """Write three utterances of tones; the second has an odd number of samples."""
    data = directory / "data"
    data.mkdir(parents=True)
    tables: dict[str, str] = {}
    for number, seconds in enumerate((0.3, 0.2501, 0.4)):
        utt = f"u{number}"
        t = np.arange(int(seconds * fs)) / fs
        speech = 0.4 * np.sin(2 * np.pi * 440 * t)
        noise = 0.1 * np.sin(2 * np.pi * 1000 * t)
        for name, wav in zip(STREAMS, (speech + noise, speech, noise), strict=True):
            path = directory / f"{utt}_{name}.{suffix}"
            soundfile.write(path, wav, fs, subtype="PCM_16")
            tables[f"{name}.scp"] = tables.get(f"{name}.scp", "") + f"{utt} {path}\n"
        for name, value in (("utt2spk", "s"), ("utt2snr", "5"), ("text", "a b")):
            tables[name] = tables.get(name, "") + f"{utt} {value}\n"
    tables["spk2utt"] = "s u0 u1 u2\n"
    for name, text in tables.items():
        (data / name).write_text(text)
    return data


def format_all(data: Path, out: Path, fs: str, audio_format: str, jobs: int = 2):
    words = ["--data_dir", str(data), "--out_dir", str(out), "--fs", fs]
    words += ["--streams", " ".join(STREAMS), "--audio_format", audio_format]
    words += ["--num_jobs", str(jobs)]
    for job in range(1, jobs + 1):
        main([*words, "--job", str(job)])
    main([*words, "--merge", "true"])


@pytest.mark.parametrize("fs_in", [8000, 48000])
@pytest.mark.parametrize("audio_format", AUDIO_FORMATS)
def test_streams_keep_equal_length_and_stay_aligned(tmp_path, audio_format, fs_in):
    data = make_data(tmp_path, fs_in)
    format_all(data, tmp_path / "dump", "16k", audio_format)
    scps = {name: read_scp(tmp_path / "dump" / f"{name}.scp") for name in STREAMS}
    lengths = read_scp(tmp_path / "dump/utt2num_samples")
    assert list(lengths) == ["u0", "u1", "u2"]
    for utt, length in lengths.items():
        wavs = {}
        for name in STREAMS:
            wavs[name], fs = read_audio(scps[name][utt])
            assert fs == 16000
            assert len(wavs[name]) == int(length)
        original = soundfile.info(tmp_path / f"{utt}_wav.wav").frames
        assert abs(int(length) - original * 16000 / fs_in) <= 1
        residual = wavs["wav"] - wavs["spk1"] - wavs["noise1"]
        assert np.abs(residual).max() < 4 / 2**15  # rounding to 16 bits, three times
        t = np.arange(int(length)) / 16000
        inside = slice(400, -400)  # the filter rings at the ends
        tone = 0.4 * np.sin(2 * np.pi * 440 * t)
        assert np.abs(wavs["spk1"] - tone)[inside].max() < 1e-3  # level and time


@pytest.mark.parametrize("audio_format", ["wav.ark", "flac.ark"])
def test_espnet_reads_archives_at_full_scale_one(tmp_path, audio_format):
    format_all(make_data(tmp_path, 16000), tmp_path / "dump", "16k", audio_format)
    fs, wav = archive_module().load_scp(str(tmp_path / "dump/spk1.scp"))["u2"]
    assert fs == 16000
    assert np.issubdtype(wav.dtype, np.floating)
    assert np.abs(wav).max() == pytest.approx(0.4, abs=1e-3)


def test_conforming_audio_is_referenced_as_it_is(tmp_path):
    data = make_data(tmp_path, 16000)
    format_all(data, tmp_path / "dump", "16000", "wav")
    for name in STREAMS:
        assert (tmp_path / f"dump/{name}.scp").read_text() == (
            data / f"{name}.scp"
        ).read_text()
    assert not list(tmp_path.glob("dump/data/*/*/*"))


def test_float_audio_is_rewritten_as_16_bit(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(100), 16000, subtype="FLOAT")
    assert conforms(str(path), 16000, "wav") is None
    soundfile.write(path, np.zeros(100), 16000, subtype="PCM_16")
    assert conforms(str(path), 16000, "wav") == 100
    assert conforms(str(path), 8000, "wav") is None
    assert conforms(str(path), 16000, "flac") is None


def test_other_files_are_copied_and_feats_type_is_written(tmp_path):
    data = make_data(tmp_path, 16000)
    format_all(data, tmp_path / "dump", "16k", "flac")
    for name in ("utt2spk", "spk2utt", "text", "utt2snr"):
        assert (tmp_path / "dump" / name).read_bytes() == (data / name).read_bytes()
    assert (tmp_path / "dump/feats_type").read_text() == "raw\n"


def test_number_of_jobs_does_not_change_the_audio(tmp_path):
    data = make_data(tmp_path, 48000)
    format_all(data, tmp_path / "one", "16k", "flac", jobs=1)
    format_all(data, tmp_path / "three", "16k", "flac", jobs=3)
    one, three = (read_scp(tmp_path / d / "wav.scp") for d in ("one", "three"))
    for utt in one:
        assert Path(one[utt]).read_bytes() == Path(three[utt]).read_bytes()


def test_references_of_another_length_are_refused_with_their_ids(tmp_path):
    data = make_data(tmp_path, 16000)
    soundfile.write(tmp_path / "u1_spk1.wav", np.zeros(77), 16000, subtype="PCM_16")
    with pytest.raises(UserError, match=r"'u1': spk1 has 77 samples, wav has 4001"):
        format_all(data, tmp_path / "dump", "16k", "wav")
    assert not (tmp_path / "dump/wav.scp").exists()


def test_missing_ids_segments_and_unreadable_audio_are_refused(tmp_path):
    data = make_data(tmp_path, 16000)
    lines = (data / "spk1.scp").read_text().splitlines(keepends=True)
    (data / "spk1.scp").write_text("".join(lines[:2]))
    with pytest.raises(UserError, match=r"spk1.scp: 1 ids differ .* 'u2'"):
        format_all(data, tmp_path / "dump", "16k", "wav")
    (data / "spk1.scp").write_text("".join(lines))
    (data / "segments").write_text("u0 r 0 1\n")
    with pytest.raises(UserError, match="segments"):
        format_all(data, tmp_path / "dump", "16k", "wav")
    (data / "segments").unlink()
    (tmp_path / "u0_wav.wav").write_text("not audio")
    with pytest.raises(UserError, match=r"u0_wav.wav: cannot read audio"):
        format_all(data, tmp_path / "dump", "16k", "flac")


def test_parts_are_contiguous_and_complete():
    table = {f"u{n}": "x" for n in range(7)}
    parts = [list(part_of(table, job, 3)) for job in (1, 2, 3)]
    assert [key for part in parts for key in part] == list(table)
    assert {len(part) for part in parts} <= {2, 3}


@pytest.mark.parametrize("text", ["16kHz", "", "-8000", "0"])
def test_unreadable_rates_are_refused(text):
    with pytest.raises(UserError, match="16k or 16000"):
        parse_fs(text)


def test_rates_are_read_in_hertz_and_kilohertz():
    assert [parse_fs(x) for x in ("16k", "16K", "44.1k", "8000")] == [
        *(16000, 16000, 44100, 8000)
    ]
