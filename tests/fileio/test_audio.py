import numpy as np
import pytest
import soundfile

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.archives import MODULES, archive_module
from espnet2_ext.fileio.audio import (
    audio_info,
    read_audio,
    resample,
    within_unit_range,
    write_audio,
)

FS = 16000


@pytest.fixture
def wav():
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(FS) / FS)).astype(np.float32)


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_written_audio_is_read_back_to_16_bits(tmp_path, wav, suffix):
    path = tmp_path / f"deep/x.{suffix}"
    write_audio(path, wav, FS)
    got, fs = read_audio(str(path))
    assert fs == FS
    assert got.dtype == np.float32
    assert np.abs(got - wav).max() <= 1 / 32768
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("written_by", MODULES)
@pytest.mark.parametrize("read_by", MODULES)
def test_archives_of_omniio_and_kaldiio_are_read_by_either(
    tmp_path, wav, monkeypatch, written_by, read_by
):
    write = pytest.importorskip(written_by)
    read = pytest.importorskip(read_by)
    monkeypatch.setattr("espnet2_ext.fileio.audio.archive_module", lambda: read)
    integers, ark = (wav * 32767).astype(np.int16), tmp_path / "x.ark"
    sounds = {"a": (FS, integers), "b": (FS, -integers)}
    write.save_ark(str(ark), sounds, scp=str(tmp_path / "x.scp"))
    how = {"format": "flac", "subtype": "PCM_16"}
    ark, scp = tmp_path / "y.ark", tmp_path / "y.scp"
    write.save_ark(
        *(str(ark), {"c": (wav, FS)}),
        scp=str(scp),
        write_function="soundfile",
        write_kwargs=how,
    )
    lines = (tmp_path / "x.scp").read_text() + scp.read_text()
    entries = dict(line.split() for line in lines.splitlines())
    found = {key: read_audio(source) for key, source in entries.items()}
    assert {fs for _, fs in found.values()} == {FS}
    expected = {"a": integers / 32768, "b": -integers / 32768, "c": wav}
    for key, samples in expected.items():
        np.testing.assert_allclose(found[key][0], samples, atol=1 / 32768)


def test_without_either_an_archive_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setattr("espnet2_ext.fileio.archives.MODULES", ("no_such_module",))
    with pytest.raises(UserError, match="pip install omniio"):
        read_audio("some.ark:5")


def test_entry_of_an_archive_has_the_same_samples_as_a_file(tmp_path, wav):
    integers = (wav * 32767).astype(np.int16)
    ark, scp = tmp_path / "x.ark", tmp_path / "x.scp"
    archive_module().save_ark(
        str(ark), {"a": (FS, integers), "b": (FS, -integers)}, scp=str(scp)
    )
    entry = scp.read_text().splitlines()[1].split()[1]
    got, fs = read_audio(entry)
    assert fs == FS
    np.testing.assert_allclose(got, -integers / 32768, atol=1e-7)


def test_audio_that_cannot_be_read_is_named(tmp_path, wav):
    broken, empty = tmp_path / "broken.wav", tmp_path / "empty.wav"
    broken.write_bytes(b"RIFF nonsense")
    write_audio(empty, wav[:0], FS)
    for path, message in (
        (broken, "cannot read audio"),
        (tmp_path / "no.wav", "cannot read audio"),
        (empty, "no samples"),
    ):
        with pytest.raises(UserError, match=rf"{path.name}: .*{message}"):
            read_audio(str(path))


@pytest.mark.parametrize("fs", [8000, 48000])
def test_resampling_keeps_a_tone(wav, fs):
    got = resample(wav, FS, fs)
    want = 0.5 * np.sin(2 * np.pi * 440 * np.arange(fs) / fs)
    assert len(got) == fs
    assert np.abs(got - want)[fs // 10 : -fs // 10].max() < 1e-3


def test_same_rate_is_left_alone(wav):
    assert resample(wav, FS, FS) is wav


def forget_length(path):
    """Make a FLAC file one of unknown length, as streaming encoders leave it."""
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0  # of STREAMINFO, which begins at 8: 36 bits at 21
    data[22:26] = bytes(4)
    path.write_bytes(data)


@pytest.mark.parametrize("channels", [1, 2])
def test_flac_of_unknown_length_is_read_to_its_end_and_counted(tmp_path, channels):
    wav = 0.1 * np.random.default_rng(0).standard_normal((150_000, channels))
    soundfile.write(tmp_path / "a.flac", wav, 16000)
    expected, _ = read_audio(str(tmp_path / "a.flac"))
    assert audio_info(tmp_path / "a.flac").known
    forget_length(tmp_path / "a.flac")
    found, fs = read_audio(str(tmp_path / "a.flac"))
    assert fs == 16000
    assert np.array_equal(found, expected)
    info = audio_info(tmp_path / "a.flac")
    assert (info.samples, info.channels, info.known) == (150_000, channels, False)


def test_info_of_what_is_no_audio_is_refused(tmp_path):
    (tmp_path / "a.wav").write_text("nothing to hear")
    for path in (tmp_path / "a.wav", tmp_path / "b.wav", tmp_path):
        with pytest.raises(UserError, match="cannot read audio"):
            audio_info(path)


def test_unit_range_scales_only_what_is_too_loud():
    soft = np.array([0.5, -0.9])
    assert np.array_equal(within_unit_range(soft), soft)
    assert np.allclose(within_unit_range(4 * soft), [5 / 9, -1])
