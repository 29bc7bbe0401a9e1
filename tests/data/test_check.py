"""Each kind of bad input is found, with its file, line and utterance."""

import os
import struct
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet2_ext.data.audiofacts import clipped_samples, inspect_audio
from espnet2_ext.data.check import check_data_dir
from espnet2_ext.data.problems import in_groups
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.scp import read_scp
from tests.data.conftest import tone
from tests.fileio.test_audio import forget_length


def found(folder, **kwargs):
    """{(file, line, utt, kind)} of the problems of a directory."""
    return {
        (problem.file.rpartition("/")[2], problem.line, problem.utt, problem.kind)
        for problem in check_data_dir(folder, **kwargs)
    }


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def swap(path, first, second):
    lines = path.read_text().splitlines()
    lines[first], lines[second] = lines[second], lines[first]
    path.write_text("\n".join(lines) + "\n")


def audio(folder, kind, utt):
    return folder / "audio" / kind / f"{utt}.wav"


def test_correct_directory_has_no_problems(data_dir):
    assert check_data_dir(data_dir, fs=16000) == []


@pytest.mark.parametrize(
    "name", ["spk1.scp", "noise1.scp", "utt2spk", "text", "utt2snr"]
)
def test_missing_id(data_dir, name):
    lines = (data_dir / name).read_text().splitlines(keepends=True)
    (data_dir / name).write_text("".join(lines[:1] + lines[2:]))
    assert (name, 0, "a-2", "missing-id") in found(data_dir)


@pytest.mark.parametrize(
    "name", ["spk1.scp", "noise1.scp", "utt2spk", "text", "utt2snr"]
)
def test_extra_id(data_dir, name):
    with open(data_dir / name, "a") as stream:
        stream.write(f"c-9 {'5' if name == 'utt2snr' else 'x'}\n")
    assert (name, 4, "c-9", "extra-id") in found(data_dir)


@pytest.mark.parametrize("name", ["wav.scp", "spk1.scp", "text", "utt2spk", "spk2utt"])
def test_unsorted_ids(data_dir, name):
    swap(data_dir / name, 0, 1)
    first = "a" if name == "spk2utt" else "a-1"
    assert (name, 2, first, "unsorted") in found(data_dir)


def test_order_is_bytewise_not_that_of_a_language(data_dir):
    for path in data_dir.glob("*"):
        if path.is_file():
            path.write_text(path.read_text().replace("a-1", "B-1").replace("a ", "B "))
    assert not any(kind == "unsorted" for *_, kind in found(data_dir))


@pytest.mark.parametrize("name", ["wav.scp", "spk1.scp", "text", "utt2spk"])
def test_duplicate_id(data_dir, name):
    text = (data_dir / name).read_text()
    (data_dir / name).write_text(text + text.splitlines()[0] + "\n")
    assert (name, 4, "a-1", "duplicate-id") in found(data_dir)


@pytest.mark.parametrize("name", ["wav.scp", "spk1.scp", "utt2spk", "spk2utt"])
def test_missing_list(data_dir, name):
    (data_dir / name).unlink()
    assert (name, 0, "-", "missing-file") in found(data_dir)


def test_missing_text_is_only_a_warning(data_dir):
    (data_dir / "text").unlink()
    problems = check_data_dir(data_dir)
    assert [(p.kind, p.warning) for p in problems] == [("missing-file", True)]


def test_missing_directory_and_empty_list(tmp_path, data_dir):
    assert found(tmp_path / "nowhere") == {("nowhere", 0, "-", "missing-file")}
    (data_dir / "wav.scp").write_text("")
    assert ("wav.scp", 0, "-", "no-utterances") in found(data_dir)


def test_bad_lines_are_reported_and_the_others_still_checked(data_dir):
    lines = (data_dir / "text").read_bytes().splitlines()
    lines[0] = b"a-1 caf\xe9"
    lines[1] = b""
    lines[2] = b"b-1\tthree"
    (data_dir / "text").write_bytes(b"\n".join(lines) + b"\n")
    edit(data_dir / "utt2spk", "a-2 a", "a-2")
    problems = found(data_dir)
    assert {
        ("text", 1, "-", "encoding"),
        ("text", 2, "-", "empty-line"),
        ("text", 3, "b-1", "tab"),
        ("utt2spk", 2, "a-2", "no-value"),
    } <= problems


def test_spk2utt_that_disagrees(data_dir):
    edit(data_dir / "spk2utt", "a a-1 a-2", "a a-1")
    edit(data_dir / "spk2utt", "b b-1", "b b-1 a-9 a-2")
    assert found(data_dir) == {
        ("spk2utt", 2, "a-2", "speaker"),
        ("spk2utt", 2, "a-9", "speaker"),
        ("utt2spk", 2, "a-2", "speaker"),
    }


@pytest.mark.parametrize("text", ["", "...", "- !"])
def test_text_without_words(data_dir, text):
    edit(data_dir / "text", "a-2 две", f"a-2 {text}")
    assert found(data_dir) == {("text", 2, "a-2", "no-words")}


def test_snr_that_is_no_number(data_dir):
    edit(data_dir / "utt2snr", "a-2 0", "a-2 5dB")
    assert found(data_dir) == {("utt2snr", 2, "a-2", "snr")}


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


@pytest.mark.parametrize("name", ["wav.scp", "spk1.scp", "utt2spk", "text"])
def test_byte_order_mark_is_named_and_no_other_fault_is_seen_in_it(data_dir, name):
    content = (data_dir / name).read_bytes()
    (data_dir / name).write_bytes(b"\xef\xbb\xbf" + content)
    assert found(data_dir) == {(name, 1, "-", "byte-order-mark")}
    with pytest.raises(UserError, match=f"{name}:1: found a byte-order mark"):
        read_scp(data_dir / name)


def test_windows_line_ends_are_read_as_they_are_meant(data_dir):
    for name in ("wav.scp", "utt2spk", "spk2utt", "text"):
        content = (data_dir / name).read_bytes()
        (data_dir / name).write_bytes(content.replace(b"\n", b"\r\n"))
    assert found(data_dir) == set()


def test_segments_are_said_not_to_be_applied_and_nothing_else(data_dir):
    lines = (data_dir / "wav.scp").read_text().splitlines()
    for name in ("wav", "spk1", "noise1"):
        path = audio(data_dir, name, "a-1")
        (data_dir / f"{name}.scp").write_text(f"rec {path}\n")
    pieces = "".join(f"{line.split()[0]} rec 0 0.1\n" for line in lines)
    (data_dir / "segments").write_text(pieces)
    assert found(data_dir) == {("segments", 0, "-", "segments")}


@contextmanager
def ordinary_user(folder):
    """Act as nobody in particular; tests of CI run as root, whom no mode stops."""
    for parent in [folder, *folder.parents]:
        if Path(tempfile.gettempdir()) in parent.parents:
            parent.chmod(parent.stat().st_mode | 0o055)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize("what", ["list", "audio", "folder of audio", "folder"])
def test_what_may_not_be_read_is_named_and_the_rest_is_checked(data_dir, what):
    forbidden = {
        "list": data_dir / "text",
        "audio": audio(data_dir, "spk1", "a-2"),
        "folder of audio": data_dir / "audio/noise1",
        "folder": data_dir,
    }[what]
    soundfile.write(audio(data_dir, "wav", "b-1"), np.zeros(8000), 16000)
    with ordinary_user(data_dir):
        assert found(data_dir) == {("wav.scp", 3, "b-1", "all-zero")}
    mode = forbidden.stat().st_mode
    forbidden.chmod(0)
    try:
        with ordinary_user(data_dir.parent):
            problems = found(data_dir)
    finally:
        forbidden.chmod(mode)
    named = {(file, line, utt) for file, line, utt, kind in problems if "forb" in kind}
    utts = enumerate(("a-1", "a-2", "b-1"), start=1)
    assert (
        named
        == {
            "list": {("text", 0, "-")},
            "audio": {("spk1.scp", 2, "a-2")},
            "folder of audio": {("noise1.scp", line, utt) for line, utt in utts},
            "folder": {(data_dir.name, 0, "-")},
        }[what]
    )
    assert what == "folder" or ("wav.scp", 3, "b-1", "all-zero") in problems


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
    import kaldiio

    scp, ark = folder / "wav.scp", folder / "wav.ark"
    for utt in ("a-1", "a-2", "b-1"):
        wav, fs = soundfile.read(audio(data_dir, "wav", utt), dtype="int16")
        kaldiio.save_ark(
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


def test_without_audio_only_the_files_must_be_there(data_dir):
    soundfile.write(audio(data_dir, "spk1", "a-1"), np.zeros(8000), 16000)
    audio(data_dir, "wav", "a-2").unlink()
    assert found(data_dir, audio=False) == {("wav.scp", 2, "a-2", "missing-audio")}


def test_all_problems_are_reported_at_once(data_dir):
    swap(data_dir / "text", 0, 1)
    edit(data_dir / "utt2spk", "a-2 a\n", "")
    audio(data_dir, "wav", "b-1").unlink()
    soundfile.write(audio(data_dir, "spk1", "a-1"), np.zeros(8000), 16000)
    kinds = {kind for *_, kind in found(data_dir)}
    assert {"unsorted", "missing-id", "missing-audio", "all-zero", "speaker"} <= kinds


def test_message_says_where_what_and_what_to_do(data_dir):
    edit(data_dir / "text", "a-2 две", "a-2 ...")
    assert [str(problem) for problem in check_data_dir(data_dir)] == [
        f"{data_dir}/text:2: a-2: found text without words ('...'); expected at least "
        "one word; add the words, or remove the utterance"
    ]


def test_many_of_a_kind_are_counted(data_dir):
    with open(data_dir / "text", "a") as stream:
        for number in range(30):
            stream.write(f"z-{number:02d} word\n")
    problems = check_data_dir(data_dir)
    lines = list(in_groups(problems, 20))
    assert len(lines) == 21
    assert lines[-1] == f"{data_dir}/text: extra-id: 10 more like these, not shown"
    assert len(list(in_groups(problems, 0))) == 30
