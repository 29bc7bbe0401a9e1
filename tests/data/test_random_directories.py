"""Random lists and audio: problems are reported, nothing ends in a traceback."""

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet2_ext.bin import filter_data, format_data, perturb_speed
from espnet2_ext.data.check import check_data_dir
from espnet2_ext.errors import UserError
from tests.fileio.test_audio import forget_length

NAMES = ["wav.scp", "spk1.scp", "utt2spk", "spk2utt", "text", "utt2snr", "spk2gender"]
NAMES += ["segments", "stm", "noise1.scp"]
UTTS = ["a", "a-1", "b/c", "../x", "é", "a.wav/b"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Audio of every kind, good and bad, by name."""
    folder = tmp_path_factory.mktemp("audio")
    rng = np.random.default_rng(0)
    wav = 0.1 * rng.standard_normal(4000)
    soundfile.write(folder / "good.wav", wav, 16000)
    soundfile.write(folder / "other.wav", wav[:3000], 16000)
    soundfile.write(folder / "rate.wav", wav[:2000], 8000)
    soundfile.write(folder / "stereo.wav", np.stack([wav, wav], 1), 16000)
    soundfile.write(folder / "float.wav", np.full(4000, np.nan), 16000, "FLOAT")
    soundfile.write(folder / "zero.wav", np.zeros(4000), 16000)
    soundfile.write(folder / "none.wav", np.zeros(0), 16000)
    soundfile.write(folder / "stream.flac", wav, 16000)
    forget_length(folder / "stream.flac")
    (folder / "cut.wav").write_bytes((folder / "good.wav").read_bytes()[:-500])
    (folder / "text.wav").write_text("words")
    (folder / "empty.wav").touch()
    (folder / "folder.wav").mkdir()
    return sorted(str(path) for path in folder.iterdir())


def lines(files):
    values = st.sampled_from(
        [*files, "", "spk", "a b", "5", "cat x |", "gone.wav", "x.ark:7"]
    )
    good = st.sampled_from([name for name in files if "good" in name])
    utts = st.one_of(st.sampled_from(UTTS), st.text(max_size=3))
    line = st.tuples(utts, st.one_of(values, good)).map(" ".join)
    return st.lists(line, max_size=4).map(lambda rows: "\n".join([*rows, ""]).encode())


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_directory_is_checked_formatted_and_filtered_or_refused(
    tmp_path_factory, files, data
):
    folder = tmp_path_factory.mktemp("random") / "set"
    folder.mkdir()
    raw = st.one_of(lines(files), lines(files), st.binary(max_size=20))
    for name in data.draw(st.sets(st.sampled_from(NAMES))):
        (folder / name).write_bytes(data.draw(raw, label=name))
    problems = check_data_dir(folder)
    assert all(str(problem) for problem in problems)
    out, args = folder.parent, ["--data_dir", str(folder)]
    for main, words in (
        (perturb_speed.main, [*args, "--out_dir", f"{out}/sp", "--factors", "0.9 1"]),
        (format_data.main, [*args, "--out_dir", f"{out}/org", "--audio_format", "wav"]),
        (
            format_data.main,
            [
                *args,
                "--out_dir",
                f"{out}/org",
                "--audio_format",
                "wav",
                "--merge",
                "true",
            ],
        ),
        (filter_data.main, ["--in_dir", f"{out}/org", "--out_dir", f"{out}/flt"]),
    ):
        try:
            main(words)
        except UserError:
            break
