"""Each kind of bad audio is found, with its file, line and utterance."""

import shutil

import numpy as np
import pytest
import soundfile

from espnet2_ext.data.audiofacts import clipped_samples, inspect_audio
from espnet2_ext.data.check import check_data_dir
from espnet2_ext.fileio.archives import archive_module
from tests.data.checking import audio, edit, found
from tests.data.conftest import tone
from tests.fileio.test_audio import forget_length


@pytest.mark.parametrize("name", ["wav", "spk1", "noise1"])
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (None, "missing-audio"),
        (b"", "empty-audio"),
        (b"this is no audio at all, only words", "unreadable-audio"),
    ],
)
def test_unreadable_audio(data_dir, name, content, kind):
    path = audio(data_dir, name, "a-2")
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert found(data_dir) == {(f"{name}.scp", 2, "a-2", kind)}


def test_wav_without_samples(data_dir):
    soundfile.write(audio(data_dir, "wav", "a-2"), np.zeros(0), 16000)
    assert found(data_dir) == {("wav.scp", 2, "a-2", "empty-audio")}


@pytest.mark.parametrize("suffix", ["wav", "flac"])
@pytest.mark.parametrize("share", [0.3, 0.95])
def test_truncated_audio(data_dir, tmp_path, suffix, share):
    path = tmp_path / f"cut.{suffix}"
    soundfile.write(path, tone(0.5, 1), 16000)
    assert inspect_audio(str(path)).broken == ""
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    edit(data_dir / "spk1.scp", str(audio(data_dir, "spk1", "a-2")), str(path))
    problems = found(data_dir)
    kinds = {kind for *_, kind in problems}
    assert kinds & {"truncated-audio", "unreadable-audio"}
    assert {problem[:3] for problem in problems} == {("spk1.scp", 2, "a-2")}
    if suffix == "wav":
        assert kinds == {"truncated-audio"}


def test_flac_of_unknown_length_is_correct(data_dir):
    for name in ("wav", "spk1", "noise1"):
        path = audio(data_dir, name, "a-1")
        wav, fs = soundfile.read(path)
        soundfile.write(path.with_suffix(".flac"), wav, fs)
        forget_length(path.with_suffix(".flac"))
        flac = str(path.with_suffix(".flac"))
        edit(data_dir / f"{name}.scp", str(path), flac)
    assert found(data_dir) == set()


@pytest.mark.parametrize("which", [["wav"], ["wav", "spk1"], ["noise1"]])
@pytest.mark.parametrize("utts", [["a-2"], ["a-1", "a-2", "b-1"]])
def test_several_channels_are_reported_of_every_file(data_dir, which, utts):
    for name in which:
        for utt in utts:
            path = audio(data_dir, name, utt)
            wav, fs = soundfile.read(path)
            soundfile.write(path, np.stack([wav, wav], axis=1), fs)
    assert found(data_dir) == {
        (f"{name}.scp", ("a-1", "a-2", "b-1").index(utt) + 1, utt, "channels")
        for name in which
        for utt in utts
    }
    assert found(data_dir, channels=None) == set()


def test_mixed_rates_are_a_warning_where_references_agree(data_dir):
    for name in ("wav", "spk1", "noise1"):
        path = audio(data_dir, name, "b-1")
        wav, _ = soundfile.read(path)
        soundfile.write(path, wav[::2], 8000)
    problems = check_data_dir(data_dir)
    assert [(p.utt, p.kind, p.warning) for p in problems] == [("b-1", "rate", True)] * 3
    assert {p.warning for p in check_data_dir(data_dir, fs=16000)} == {False}


def test_reference_that_is_the_mixture_is_a_warning(data_dir):
    path = audio(data_dir, "spk1", "a-2")
    edit(data_dir / "spk1.scp", str(path), str(audio(data_dir, "wav", "a-2")))
    (problem,) = check_data_dir(data_dir)
    assert (problem.utt, problem.kind, problem.warning) == ("a-2", "same-audio", True)


def test_mixture_that_is_listed_twice_is_a_warning(data_dir):
    path = audio(data_dir, "wav", "a-2")
    edit(data_dir / "wav.scp", str(path), str(audio(data_dir, "wav", "a-1")))
    (problem,) = check_data_dir(data_dir)
    assert (problem.utt, problem.kind, problem.warning) == ("a-2", "same-audio", True)


def test_folder_link_and_pointer_in_place_of_audio_are_named(data_dir):
    for utt, make in (
        ("a-1", lambda path: path.mkdir()),
        ("a-2", lambda path: path.symlink_to("nowhere")),
        ("b-1", lambda path: path.write_text("version https://git-lfs.github.com/s")),
    ):
        path = audio(data_dir, "spk1", utt)
        path.unlink()
        make(path)
    words = {p.utt: p.found for p in check_data_dir(data_dir)}
    assert "a folder" in words["a-1"]
    assert "a link to nothing" in words["a-2"]
    assert "a git-lfs pointer" in words["b-1"]


def test_command_pipe_is_refused(data_dir):
    text = str(audio(data_dir, "wav", "a-2"))
    edit(data_dir / "wav.scp", text, f"sox {text} -t wav - |")
    assert found(data_dir) == {("wav.scp", 2, "a-2", "pipe-audio")}


def test_other_length_than_the_mixture(data_dir):
    soundfile.write(audio(data_dir, "noise1", "b-1"), tone(0.4, 1), 16000)
    assert found(data_dir) == {("noise1.scp", 3, "b-1", "length")}


def test_other_rate_than_the_mixture_or_than_asked_for(data_dir):
    wav = tone(0.5, 1)
    soundfile.write(audio(data_dir, "spk1", "b-1"), wav, 8000)
    assert found(data_dir) == {("spk1.scp", 3, "b-1", "rate")}
    assert found(data_dir, fs=8000) == {
        (f"{name}.scp", line, utt, "rate")
        for name in ("wav", "spk1", "noise1")
        for line, utt in enumerate(("a-1", "a-2", "b-1"), start=1)
        if (name, utt) != ("spk1", "b-1")
    }


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers(data_dir, value):
    wav = tone(0.5, 1)
    wav[100] = value
    soundfile.write(audio(data_dir, "wav", "a-1"), wav, 16000, subtype="FLOAT")
    assert found(data_dir) == {("wav.scp", 1, "a-1", "not-finite")}


def test_silent_audio(data_dir):
    soundfile.write(audio(data_dir, "spk1", "a-1"), np.zeros(8000), 16000)
    assert found(data_dir) == {("spk1.scp", 1, "a-1", "all-zero")}


def test_clipping_is_a_warning(data_dir):
    wav = np.clip(50 * tone(0.5, 1), -1, 1)
    soundfile.write(audio(data_dir, "wav", "a-1"), wav, 16000)
    problems = check_data_dir(data_dir)
    assert [(p.kind, p.utt, p.line, p.warning) for p in problems] == [
        ("clipped", "a-1", 1, True)
    ]


def test_one_full_scale_peak_is_not_clipping():
    wav = np.array([0, 1, 1, 0, -1, 0, 0.5, 1, 1, 1, -1, 0])
    assert clipped_samples(wav) == 4
    assert clipped_samples(wav[:7]) == 0


def make_ark(folder, data_dir, audio_format):
    archives = archive_module()

    scp, ark = folder / "wav.scp", folder / "wav.ark"
    for utt in ("a-1", "a-2", "b-1"):
        wav, fs = soundfile.read(audio(data_dir, "wav", utt), dtype="int16")
        archives.save_ark(
            str(ark),
            {utt: (wav, fs)},
            scp=str(scp),
            append=True,
            write_function="soundfile",
            write_kwargs={"format": audio_format, "subtype": "PCM_16"},
        )
    return scp


@pytest.mark.parametrize("audio_format", ["wav", "flac"])
def test_ark_and_flac_entries_are_read_like_wav(data_dir, tmp_path, audio_format):
    scp = make_ark(tmp_path, data_dir, audio_format)
    (data_dir / "wav.scp").write_text(scp.read_text())
    path = audio(data_dir, "spk1", "a-1")
    wav, fs = soundfile.read(path)
    soundfile.write(path.with_suffix(".flac"), wav, fs)
    edit(data_dir / "spk1.scp", str(path), str(path.with_suffix(".flac")))
    assert check_data_dir(data_dir, fs=16000) == []


@pytest.mark.parametrize("audio_format", ["wav", "flac"])
@pytest.mark.parametrize("share", [0.7, 0.9])
def test_truncated_ark(data_dir, tmp_path, audio_format, share):
    scp = make_ark(tmp_path, data_dir, audio_format)
    (data_dir / "wav.scp").write_text(scp.read_text())
    whole = (tmp_path / "wav.ark").read_bytes()
    (tmp_path / "wav.ark").write_bytes(whole[: int(share * len(whole))])
    problems = found(data_dir)
    assert {problem[:3] for problem in problems} == {("wav.scp", 3, "b-1")}


def test_audio_of_several_lists_is_judged_in_processes_too(data_dir):
    for utt in ("a-1", "a-2", "b-1"):
        for kind in ("wav", "spk1", "noise1"):
            source = audio(data_dir, kind, utt)
            for copy in range(60):
                target = source.with_name(f"{utt}-{copy:02d}.wav")
                target.write_bytes(source.read_bytes())
    utts = [f"{utt}-{n:02d}" for utt in ("a-1", "a-2", "b-1") for n in range(60)]
    for kind in ("wav", "spk1", "noise1"):
        lines = [f"{utt} {audio(data_dir, kind, utt)}\n" for utt in utts]
        (data_dir / f"{kind}.scp").write_text("".join(lines))
    soundfile.write(audio(data_dir, "spk1", utts[-1]), np.zeros(8000), 16000)
    ours = {p for p in found(data_dir, jobs=2) if p[0].endswith(".scp")}
    assert ("spk1.scp", 180, utts[-1], "all-zero") in ours


def test_set_of_clean_speech_alone_is_mentioned_once(data_dir):
    shutil.copyfile(data_dir / "spk1.scp", data_dir / "wav.scp")
    (problem,) = [p for p in check_data_dir(data_dir) if p.kind == "same-audio"]
    assert problem.warning
    assert "as in every line" in problem.found
    assert "preprocessor: on_the_fly" in problem.do
