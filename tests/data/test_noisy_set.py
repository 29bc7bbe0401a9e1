import csv
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet2_ext.bin import make_noisy_set
from espnet2_ext.data import noisy_set
from espnet2_ext.data.check import check_data_dir
from espnet2_ext.data.clean_audio import collect_audio
from espnet2_ext.data.noise_source import add_noise
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.archives import archive_module
from espnet2_ext.fileio.scp import read_scp
from tests.conftest import ROOT
from tests.data.conftest import tone, write_wav


def write_csv(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """Two manifests over 24 clean files, and noise of two types."""
    monkeypatch.chdir(tmp_path)
    for n in range(24):
        write_wav(Path(f"clean/u{n:02d}.wav"), tone(0.5 + 0.05 * n, n))
    for n in range(3):
        write_wav(Path(f"noise/hum{n}.wav"), tone(0.3, 100 + n, 8000), 8000)
        stereo = np.stack([tone(5, 200 + n), tone(5, 300 + n)], axis=1)
        write_wav(Path(f"noise/rain{n}.wav"), stereo)
    names = [f"{kind}{n}" for kind in ("hum", "rain") for n in range(3)]
    lists = {
        "noise.scp": "".join(f"{name} noise/{name}.wav\n" for name in names),
        "utt2type": "".join(f"{name} {name[:-1]}\n" for name in names),
    }
    for name, text in lists.items():
        Path(name).write_text(text)
    row = ["id", "wav_path", "label"]
    items = [(f"u{n:02d}", f"clean/u{n:02d}.wav", "x") for n in range(16)]
    write_csv(Path("ks/test.csv"), [dict(zip(row, i, strict=True)) for i in items])
    trials = [
        {
            "id1": f"u{n:02d}",
            "id2": f"u{n + 1:02d}",
            "wav_path1": f"clean/u{n:02d}.wav",
            "wav_path2": f"clean/u{n + 1:02d}.wav",
            "label": 1,
        }
        for n in range(12, 23)
    ]
    write_csv(Path("asv/test.csv"), trials)
    return tmp_path


def make(*options, out="data/noisy", csvs=("ks/test.csv", "asv/test.csv")):
    argv = ["--csv", *csvs, "--noise_scp", "noise.scp", "--utt2type", "utt2type"]
    make_noisy_set.main([*argv, "--out_dir", out, "--nj", "1", *options])


def int16(path):
    return soundfile.read(path, dtype="int16")[0]


def measured_snr(clean, noise):
    clean, noise = (x - x.mean() for x in (clean.astype(float), noise.astype(float)))
    return 10 * np.log10(np.sum(clean**2) / np.sum(noise**2))


def contents(folder):
    return {p: p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file()}


def test_unique_audio_of_all_manifests_becomes_one_correct_directory(recipe):
    make()
    assert [p.kind for p in check_data_dir("data/noisy", 16000)] == ["missing-file"]
    clean = read_scp("data/noisy/spk1.scp")
    assert clean == {f"u{n:02d}": f"clean/u{n:02d}.wav" for n in range(24)}


def test_files_add_up_exactly_at_the_listed_snr_and_clean_stays(recipe):
    before = contents("clean")
    make("--snr", "-5 0 12.5")
    assert contents("clean") == before
    lists = {name: read_scp(f"data/noisy/{name}") for name in os.listdir("data/noisy")
             if name not in ("audio", "manifest.json")}  # fmt: skip
    for id_, path in lists["wav.scp"].items():
        clean, noise = int16(lists["spk1.scp"][id_]), int16(lists["noise1.scp"][id_])
        assert np.array_equal(int16(path).astype(int), clean.astype(int) + noise)
        snr = float(lists["utt2snr"][id_])
        assert measured_snr(clean, noise) == pytest.approx(snr, abs=0.05)
    assert set(lists["utt2snr"].values()) == {"-5", "0", "12.5"}
    kinds = Counter(value.split()[0] for value in lists["utt2noise"].values())
    assert set(kinds) == {"hum", "rain"}
    assert min(kinds.values()) >= 5


def test_short_noise_is_joined_and_all_its_files_are_listed(recipe):
    make()
    for id_, value in read_scp("data/noisy/utt2noise").items():
        kind, names = value.split()
        assert all(name.startswith(kind) for name in names.split(","))
        noise = int16(f"data/noisy/audio/noise/{id_}.wav")
        blocks = noise[: len(noise) // 800 * 800].reshape(-1, 800)
        assert (np.abs(blocks).max(axis=1) > 0).all()  # no gap anywhere


def test_an_utterance_does_not_depend_on_the_others_or_on_the_jobs(recipe):
    make()
    make("--nj", "2", out="data/part", csvs=("ks/test.csv",))
    part = sorted(Path("data/part/audio/mix").glob("*.wav"))
    assert len(part) == 16
    for path in part:
        same = Path("data/noisy/audio/mix") / path.name
        assert path.read_bytes() == same.read_bytes()
    make("--seed", "1", out="data/other")
    other = Path("data/other/audio/mix/u00.wav").read_bytes()
    assert other != Path("data/noisy/audio/mix/u00.wav").read_bytes()


def test_complete_set_is_kept_and_a_changed_one_is_made_again(recipe, capsys):
    make()
    before = contents("data/noisy")
    make()
    assert "complete and the same, kept" in capsys.readouterr().out
    write_wav(Path("clean/u03.wav"), tone(0.65, 77))
    make()
    after = contents("data/noisy")
    assert before.keys() == after.keys()
    changed = {path.name for path in before if before[path] != after[path]}
    assert {"u03.wav", "manifest.json"} <= changed
    assert "u04.wav" not in changed


SCRIPT = """
import sys, time
from espnet2_ext.bin import make_noisy_set
from espnet2_ext.data import noisy_set
mix = noisy_set.mix_item
def slow(item, **options):
    if item[0] > "u05":
        print("there", flush=True)
        time.sleep(60)
    return mix(item, **options)
noisy_set.mix_item = slow
make_noisy_set.main(sys.argv[1:])
"""


def test_killed_run_goes_on_where_it_was(recipe, monkeypatch):
    make(out="data/whole")
    argv = ["--csv", "ks/test.csv", "asv/test.csv", "--noise_scp", "noise.scp"]
    argv += ["--utt2type", "utt2type", "--out_dir", "data/noisy", "--nj", "1"]
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *argv],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout.readline() == b"there\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not Path("data/noisy/wav.scp").exists()
    first = Path("data/noisy/audio/mix/u00.wav")
    when = first.stat().st_mtime_ns
    time.sleep(0.01)
    make()
    assert first.stat().st_mtime_ns == when  # not made again
    for path in Path("data/whole").rglob("*"):
        twin = Path("data/noisy") / path.relative_to("data/whole")
        if path.is_file() and path.name not in ("wav.scp", "noise1.scp"):
            assert path.read_bytes() == twin.read_bytes(), path


def test_other_options_do_not_go_on_with_the_audio_of_a_killed_run(recipe, monkeypatch):
    mix = noisy_set.mix_item

    def killed(item, **options):
        if item[0] > "u05":
            raise KeyboardInterrupt
        return mix(item, **options)

    with monkeypatch.context() as patch:
        patch.setattr(noisy_set, "mix_item", killed)
        with pytest.raises(KeyboardInterrupt):
            make("--snr", "0")
    assert Path("data/noisy/audio/mix/u00.wav").exists()
    make("--snr", "20")
    assert set(read_scp("data/noisy/utt2snr").values()) == {"20"}
    noise = int16("data/noisy/audio/noise/u00.wav")
    assert measured_snr(int16("clean/u00.wav"), noise) == pytest.approx(20, abs=0.2)


def test_loud_speech_saturates_and_stays_the_reference():
    rng = np.random.default_rng(0)
    clean = np.full(4000, 32767, np.int16)
    clean[::2] = -32768
    mix, noise = add_noise(clean, rng.standard_normal(4000), 0.0)
    assert mix.dtype == noise.dtype == np.int16
    assert np.array_equal(mix.astype(int), clean.astype(int) + noise)
    quiet, rest = add_noise((clean // 8).astype(np.int16), rng.standard_normal(4000), 6)
    assert measured_snr(clean // 8, rest) == pytest.approx(6, abs=0.01)
    assert np.array_equal(quiet.astype(int), (clean // 8).astype(int) + rest)


def test_saturation_is_reported(recipe, capsys):
    wav = np.sign(tone(0.5, 1)) * 0.99
    write_wav(Path("clean/u00.wav"), wav)
    make("--snr", "0")
    assert "1 mixtures saturate" in capsys.readouterr().out


def test_two_files_of_one_id_get_two_names(recipe):
    row = {"id": "u00", "wav_path": "clean/u23.wav", "labels": "a"}
    path = Path(write_csv(Path("ic/test.csv"), [row]))
    audio = collect_audio([Path("ks/test.csv"), path])
    assert audio["u00"] == "clean/u00.wav"
    assert audio["ic-u00"] == "clean/u23.wav"
    trial = {"id1": "id1/x/1.wav", "id2": "b c", "label": 0}
    trial |= {"wav_path1": "clean/u01.wav", "wav_path2": "clean/u02.wav"}
    path = Path(write_csv(Path("asv2/test.csv"), [trial]))
    assert collect_audio([path]) == {
        "id1_x_1.wav": "clean/u01.wav",
        "b_c": "clean/u02.wav",
    }


def test_segments_of_one_recording_are_one_utterance(recipe):
    row = {"record_id": "r", "duration": 1, "wav_path": "clean/u00.wav"}
    segments = [{**row, "utt_id": f"r-{n}", "speaker": "s"} for n in range(3)]
    path = Path(write_csv(Path("sd/test.csv"), segments))
    assert collect_audio([path]) == {"r": "clean/u00.wav"}


def spoil(name, text):
    Path(name).write_text(text)


def test_all_unusable_clean_files_are_named_at_once(recipe):
    write_wav(Path("clean/u01.wav"), tone(0.5, 1, 8000), 8000)
    write_wav(Path("clean/u02.wav"), np.zeros((800, 2)))
    write_wav(Path("clean/u03.wav"), tone(0.5, 1), subtype="FLOAT")
    Path("clean/u04.wav").unlink()
    with pytest.raises(UserError) as caught:
        make()
    text = str(caught.value)
    assert "clean/u01.wav: found 8000 Hz" in text
    assert "clean/u02.wav: found 2 channels" in text
    assert "clean/u03.wav: found FLOAT samples" in text
    assert "clean/u04.wav: cannot be read" in text
    assert "4 of 24 clean files" in text
    assert not Path("data").exists()


def test_silent_speech_is_named_and_a_complete_set_of_others_stays(recipe):
    write_wav(Path("clean/u05.wav"), np.zeros(8000))
    write_wav(Path("clean/u07.wav"), np.zeros(8000))
    with pytest.raises(UserError) as caught:
        make()
    assert "clean/u05.wav: found silence" in str(caught.value)
    assert "clean/u07.wav: found silence" in str(caught.value)
    assert not Path("data/noisy/wav.scp").exists()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("utt2type", "hum0 hum\n", r"no type for 5 files of noise\.scp: hum1 hum2"),
        ("noise.scp", "", r"noise\.scp: no noise"),
        ("noise.scp", "a noise/none.wav\n", r"noise/none\.wav: cannot be read"),
        ("ks/test.csv", "id,path\na,b\n", r"ks/test\.csv: columns id, path; expected"),
        ("ks/test.csv", "id,wav_path\n,b\n", r"ks/test\.csv:2: empty id or wav_path"),
        ("ks/test.csv", "id,wav_path\n", r"ks/test\.csv: no rows"),
    ],
)
def test_bad_lists_are_refused(recipe, name, text, message):
    spoil(name, text)
    if name == "noise.scp" and text:
        spoil("utt2type", "a hum\n")
    with pytest.raises(UserError, match=message):
        make()
    assert not Path("data/noisy/wav.scp").exists()


@pytest.mark.parametrize("snr", ["", "five", "0 nan"])
def test_bad_snr_is_refused(recipe, snr):
    with pytest.raises(UserError, match="expected numbers in dB"):
        make("--snr", snr)


def test_tables_must_name_every_utterance(recipe):
    spoil("utt2spk", "u00 a\n")
    with pytest.raises(UserError, match=r"utt2spk: no line for 23 of 24.*u01"):
        make("--utt2spk", "utt2spk")
    with pytest.raises(UserError, match=r"ks/test\.csv: no column 'text'"):
        make("--text_column", "text", csvs=("ks/test.csv",))
    make("--text_column", "label", csvs=("ks/test.csv",))
    assert set(read_scp("data/noisy/text").values()) == {"x"}


def test_noise_in_an_archive_and_without_types(recipe):
    wav = (tone(3, 9) * 32767).astype(np.int16)
    archive_module().save_ark("noise.ark", {"n": (16000, wav)}, scp="ark.scp")
    argv = ["--csv", "ks/test.csv", "--noise_scp", "ark.scp", "--nj", "1"]
    make_noisy_set.main([*argv, "--out_dir", "data/noisy"])
    assert set(read_scp("data/noisy/utt2noise").values()) == {"noise n"}
    assert noisy_set.MixOptions((0.0,)).fs == 16000
