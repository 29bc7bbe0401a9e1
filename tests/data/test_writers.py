"""No writer lets an id lead it anywhere, or writes over what it reads."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

from espnet2_ext.bin import check_ids, format_data, perturb_speed
from espnet2_ext.data.check import check_data_dir
from espnet2_ext.data.noisy_set import MixOptions, make_noisy_set
from espnet2_ext.data.rewrite import rewrite_audio
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import read_audio
from espnet2_ext.fileio.scp import read_scp, write_scp
from tests.data.conftest import tone, write_wav

STREAMS = ("wav", "spk1")


def write_dir(folder, utts, fs=16000):
    """A data directory with these ids; the audio itself has plain names."""
    tables = {f"{stream}.scp": {} for stream in STREAMS}
    for n, utt in enumerate(utts):
        for m, stream in enumerate(STREAMS):
            path = folder.absolute() / "audio" / f"{stream}{n}.wav"
            write_wav(path, tone(0.2, 10 * n + m, fs), fs)
            tables[f"{stream}.scp"][utt] = str(path)
    tables["utt2spk"] = dict.fromkeys(utts, "spk")
    tables["spk2utt"] = {"spk": " ".join(sorted(utts, key=str.encode))}
    tables["text"] = dict.fromkeys(utts, "some words")
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        write_scp(folder / name, table)
    return folder


def stage_3(data, out, audio_format="wav"):
    args = ["--data_dir", str(data), "--out_dir", str(out), "--fs", "16k"]
    args += ["--audio_format", audio_format]
    format_data.main(args)
    format_data.main([*args, "--merge", "true"])
    return [out / f"{stream}.scp" for stream in STREAMS]


def stage_2(data, out):
    args = ["--data_dir", str(data), "--out_dir", str(out), "--factors", "0.9"]
    perturb_speed.main(args)
    perturb_speed.main([*args, "--merge", "true"])
    return [out / f"{stream}.scp" for stream in STREAMS]


def rewrite(data, out):
    table = {utt: [path] for utt, path in read_scp(data / "wav.scp").items()}
    done, _ = rewrite_audio(table, out, {}, lambda wavs, fs: wavs[0], ("x", "done"))
    write_scp(out / "spk1.scp", done)
    return [out / "spk1.scp"]


def noisy(data, out):
    write_wav(Path("noise.wav"), tone(1, 99))
    audio = read_scp(data / "spk1.scp")
    make_noisy_set(audio, {"hum": [("n", "noise.wav")]}, out, MixOptions((5.0,)))
    return [out / "wav.scp", out / "noise1.scp"]


WRITERS = {
    "format": stage_3,
    "format ark": lambda data, out: stage_3(data, out, "wav.ark"),
    "speed": stage_2,
    "rewrite": rewrite,
    "noisy set": noisy,
}
FS = {"format": 48000}  # so that it has to write


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "deep/er/project"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def everything(folder):
    """{file: digest} of all below."""
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def hostile(kind, project):
    outside = project.parent / "victim"
    write_wav(outside.with_suffix(".wav"), tone(0.1, 3))
    return {
        "absolute": str(outside),
        "its own audio": str(project / "data/audio/wav0"),
        "dots": "../" * 12 + str(outside).lstrip("/"),
        "few dots": "../../../../../victim",
        "dot": "./a",
        "long": "x" * 250,
        "folder and file": "ok.wav/b",
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        *("absolute", "its own audio", "dots", "few dots", "dot", "long"),
        "folder and file",
    ],
)
@pytest.mark.parametrize("writer", WRITERS)
def test_hostile_id_is_refused_and_nothing_that_was_there_changes(
    project, writer, kind
):
    utt = hostile(kind, project)
    data = write_dir(project / "data", ["ok", utt], FS.get(writer, 16000))
    before = everything(project.parent)
    wrong = {problem.utt for problem in check_data_dir(data) if problem.kind == "id"}
    assert wrong == {utt}
    with pytest.raises((UserError, SystemExit)):
        check_ids.main([str(data / "wav.scp")])
    with pytest.raises(UserError, match=re.escape(utt[:50])):
        WRITERS[writer](data, project / "out")
    after = everything(project.parent)
    assert {path: after[path] for path in before} == before
    assert all(str(path).startswith(str(project)) for path in after.keys() - before)


FRIENDLY = ["it's", '"q"', "a/b/c", "日本-é", "x" * 180, "~user", "a.b"]


@pytest.mark.parametrize("writer", WRITERS)
def test_friendly_ids_have_a_file_each_in_every_stream(project, writer):
    data = write_dir(project / "data", FRIENDLY, FS.get(writer, 16000))
    assert check_data_dir(data) == []
    check_ids.main([str(data / "wav.scp")])
    sources = set()
    scps = WRITERS[writer](data, project / "out")
    for scp in scps:
        table = read_scp(scp)
        assert {utt.removeprefix("sp0.9-") for utt in table} == set(FRIENDLY)
        for source in table.values():
            sources.add(source)
            assert np.isfinite(read_audio(source)[0]).all()
    assert len(sources) == len(scps) * len(FRIENDLY)


@pytest.mark.parametrize("writer", ["format", "speed", "rewrite"])
def test_what_is_read_is_never_written_over(project, writer):
    data = write_dir(project / "data", ["a"], FS.get(writer, 16000))
    scps = WRITERS[writer](data, project / "out")
    target = read_scp(scps[0]).popitem()[1]  # a second run reads what the first wrote
    wav, _ = read_audio(str(data / "audio/wav0.wav"))
    write_wav(Path(target), wav, FS.get(writer, 16000))
    write_scp(data / "wav.scp", {"a": target})
    before = everything(project)
    with pytest.raises(UserError, match="among the audio that is read"):
        WRITERS[writer](data, project / "out")
    assert before.items() <= everything(project).items()


def test_noisy_set_leaves_a_folder_alone_that_it_did_not_make(project):
    data = write_dir(project / "data", ["a"])
    before = everything(data)
    with pytest.raises(UserError, match="not made by this command"):
        noisy(data, data)
    assert everything(data) == before
