from __future__ import annotations

import json
import logging
import os
import signal as os_signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet2_ext.bin.score import main
from espnet2_ext.errors import UserError
from espnet2_ext.metrics import asr, scorer
from espnet2_ext.metrics.judge import Values
from espnet2_ext.metrics.registry import METRICS

FS = 16000
SLOW_JOB = """
import sys, time
from espnet2_ext.bin.score import main
from espnet2_ext.metrics.registry import METRICS
plain = METRICS["SDR"].compute
def slow(ref, est, fs):
    time.sleep(0.3)
    return plain(ref, est, fs)
object.__setattr__(METRICS["SDR"], "compute", slow)
main(sys.argv[1:])
"""


def make_set(root: Path, count: int = 3) -> list[str]:
    """Write a scored set; return the options that all jobs share."""
    rng = np.random.default_rng(0)
    tables: dict[str, list[str]] = {"ref.scp": [], "inf.scp": [], "text": []}
    for index in range(count):
        ref = 0.1 * rng.standard_normal(FS)
        for name, wav in (("ref", ref), ("inf", ref + 0.05 * rng.standard_normal(FS))):
            path = root / f"{name}{index}.wav"
            soundfile.write(path, wav, FS)
            tables[f"{name}.scp"].append(f"u{index} {path}\n")
        tables["text"].append(f"u{index} hello world\n")
    for name, lines in tables.items():
        (root / name).write_text("".join(lines))
    return options(root)


def options(
    root: Path, output: str = "scores.1.jsonl", metrics: str = "SDR"
) -> list[str]:
    return [
        *("--ref_scp", str(root / "ref.scp"), "--inf_scp", str(root / "inf.scp")),
        *("--metrics", metrics, "--output", str(root / output)),
    ]


def lines_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def fake_recogniser(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = asr.Recogniser("Fake", None, (), {}, lambda: lambda wav: "Hello, word")
    monkeypatch.setitem(asr.RECOGNISERS, "fake", judge)


def test_one_sorted_line_per_utterance(tmp_path: Path, fake_recogniser: None) -> None:
    arguments = make_set(tmp_path)
    (tmp_path / "keys.1").write_text("u2 x\nu0 x\n")
    main(
        [
            *arguments,
            *("--text", str(tmp_path / "text"), "--recognisers", "fake"),
            *("--key_file", str(tmp_path / "keys.1")),
        ]
    )
    lines = lines_of(tmp_path / "scores.1.jsonl")
    assert [line["utt"] for line in lines] == ["u0", "u2"]
    assert lines[0]["SDR"] == pytest.approx(6, abs=1.5)
    assert lines[0]["WER_fake"] == {
        **{"sub": 1, "del": 0, "ins": 0, "words": 2},
        "hyp": "Hello, word",
    }


def test_only_english_is_recognised(tmp_path: Path, fake_recogniser: None) -> None:
    arguments = make_set(tmp_path)
    (tmp_path / "utt2lang").write_text("u0 en\nu1 fr\nu2 en\n")
    main([*arguments, "--text", str(tmp_path / "text"), "--recognisers", "fake"])
    lines = lines_of(tmp_path / "scores.1.jsonl")
    assert ["WER_fake" in line for line in lines] == [True, False, True]


def test_ssl_distance_is_keyed_by_the_fragment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = make_set(tmp_path, count=1)
    fragment = tmp_path / "tiny.yaml"
    fragment.write_text("name: ssl\nconf: {upstream: up, layers: all}\n")
    monkeypatch.setattr(
        scorer,
        "SSLScores",
        lambda stem, conf: (
            lambda est, ref, fs: {
                f"SSL_{stem}": float(len(conf["upstream"])),
                f"SBS_{stem}": 0.5,
            }
        ),
    )
    main([*arguments, "--ssl_conf", str(fragment)])
    (line,) = lines_of(tmp_path / "scores.1.jsonl")
    assert (line["SSL_tiny"], line["SBS_tiny"]) == (2.0, 0.5)
    settings = json.loads((tmp_path / "scores.1.settings.json").read_text())
    assert settings["ssl"] == {"tiny": {"upstream": "up", "layers": "all"}}


def test_fragment_of_another_criterion_is_refused(tmp_path: Path) -> None:
    arguments = make_set(tmp_path, count=1)
    (tmp_path / "snr.yaml").write_text("name: snr\nconf: {}\n")
    with pytest.raises(UserError, match=r"Unknown criterion in .*snr\.yaml 'snr'"):
        main([*arguments, "--ssl_conf", str(tmp_path / "snr.yaml")])


def test_missing_ids_are_listed_before_any_work(tmp_path: Path) -> None:
    arguments = make_set(tmp_path)
    scp = tmp_path / "inf.scp"
    scp.write_text(scp.read_text().replace("u1 ", "x1 "))
    with pytest.raises(UserError) as caught:
        main(arguments)
    assert "inf.scp lacks u1" in str(caught.value)
    assert "ref.scp lacks x1" in str(caught.value)
    assert not (tmp_path / "scores.1.jsonl").exists()


def test_all_odd_pairs_are_listed_at_once(tmp_path: Path) -> None:
    arguments = make_set(tmp_path, count=4)
    soundfile.write(tmp_path / "inf0.wav", np.full(FS - 1, 0.1), FS)
    soundfile.write(tmp_path / "inf1.wav", np.full(FS, 0.1), 8000)
    soundfile.write(tmp_path / "inf2.wav", np.full(FS, np.nan), FS, "FLOAT")
    with pytest.raises(UserError) as caught:
        main(arguments)
    message = str(caught.value)
    assert "3 of 4 utterances" in message
    assert "u0: reference has 16000 samples, estimate 15999" in message
    assert "u1: reference has 16000 Hz, estimate 8000 Hz" in message
    assert "u2: has samples that are not finite" in message


ODD = {
    "short": (np.full(FS - 1, 0.1), FS, "reference has 16000 samples, estimate 15999"),
    "rate": (np.full(FS, 0.1), 8000, "reference has 16000 Hz, estimate 8000 Hz"),
    "nan": (np.full(FS, np.nan), FS, "has samples that are not finite numbers"),
    "inf": (np.full(FS, np.inf), FS, "has samples that are not finite numbers"),
    "stereo": (np.full((FS, 2), 0.1), FS, "estimate has more than one channel"),
    "empty": (np.zeros(0), FS, "no samples"),
}


@pytest.mark.parametrize("odd", [*ODD, "text", "missing"])
def test_odd_estimate_costs_its_own_scores_only(
    tmp_path: Path, fake_recogniser: None, odd: str, caplog: pytest.LogCaptureFixture
) -> None:
    arguments = make_set(tmp_path, count=3)
    arguments += ["--text", str(tmp_path / "text"), "--recognisers", "fake"]
    path = tmp_path / "inf1.wav"
    if odd in ODD:
        wav, fs, reason = ODD[odd]
        soundfile.write(path, wav, fs, "FLOAT")
    else:
        path.unlink()
        reason = "cannot read audio"
        if odd == "text":
            path.write_text("this is no audio")
    with caplog.at_level(logging.WARNING):
        main(arguments)
    first, middle, last = lines_of(tmp_path / "scores.1.jsonl")
    assert middle["SDR"] is None
    assert middle["WER_fake"] is None
    assert reason in middle["no_value"]["audio"]
    for line in (first, last):
        assert line["SDR"] == pytest.approx(6, abs=1.5)
        assert "no_value" not in line
    assert any("u1: " in record.getMessage() for record in caplog.records)


def test_job_of_a_part_goes_on_where_all_its_audio_is_odd(tmp_path: Path) -> None:
    arguments = make_set(tmp_path)
    (tmp_path / "inf1.wav").write_text("this is no audio")
    (tmp_path / "keys.1").write_text("u1 x\n")
    main([*arguments, "--key_file", str(tmp_path / "keys.1")])
    assert lines_of(tmp_path / "scores.1.jsonl")[0]["SDR"] is None


def make_deadly(patch: pytest.MonkeyPatch, kill: Callable[[], object]) -> None:
    """Make SDR die of utterance u1, whose estimate starts with 0.5."""
    metric = METRICS["SDR"]

    def compute(ref: np.ndarray, est: np.ndarray, fs: int) -> Values:
        if est[0] == 0.5:
            kill()
        return metric.compute(ref, est, fs)

    patch.setitem(METRICS, "SDR", replace(metric, compute=compute))


def raise_error() -> None:
    raise IndexError("axis 1 is out of bounds")


@pytest.mark.parametrize(
    ("kill", "reason"),
    [
        (os.abort, "crashed (SIGABRT)"),
        (lambda: os.kill(os.getpid(), os_signal.SIGSEGV), "crashed (SIGSEGV)"),
        (lambda: os.kill(os.getpid(), os_signal.SIGKILL), "was killed (SIGKILL)"),
        (lambda: time.sleep(60), "took more than 5 s"),
        (raise_error, "IndexError: axis 1 is out of bounds"),
    ],
)
def test_crash_costs_one_value_and_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kill: Callable[[], object],
    reason: str,
) -> None:
    make_set(tmp_path, count=3)
    wav, _ = soundfile.read(tmp_path / "inf1.wav")
    soundfile.write(tmp_path / "inf1.wav", np.append(0.5, wav[1:]), FS)
    pytest.importorskip("fast_bss_eval")  # now: the child has no time for it
    make_deadly(monkeypatch, kill)
    monkeypatch.setattr(scorer, "time_limit", lambda samples, fs: 5.0)
    with caplog.at_level(logging.WARNING):
        main(options(tmp_path, metrics="SDR SI_SNR"))
    first, middle, last = lines_of(tmp_path / "scores.1.jsonl")
    assert middle["SDR"] is None
    assert middle["no_value"]["SDR"].startswith(reason)
    assert None not in (middle["SI_SNR"], first["SDR"], last["SDR"], last["SI_SNR"])
    assert any("u1: SDR has no value" in r.getMessage() for r in caplog.records)


def test_scorer_that_cannot_be_loaded_ends_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = make_set(tmp_path, count=2)

    def load(stem: str, conf: dict) -> None:
        raise UserError("no such checkpoint")

    monkeypatch.setattr(scorer, "SSLScores", load)
    fragment = tmp_path / "tiny.yaml"
    fragment.write_text("name: ssl\nconf: {upstream: up}\n")
    with pytest.raises(UserError, match="no such checkpoint"):
        main([*arguments, "--ssl_conf", str(fragment)])


@pytest.mark.parametrize(
    ("distance", "reason"),
    [(float("nan"), "is nan"), (UserError("takes at most 30 s"), "takes at most 30 s")],
)
def test_distance_that_does_not_exist_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    distance: float | UserError,
    reason: str,
) -> None:
    arguments = make_set(tmp_path, count=1)

    def measure(est: np.ndarray, ref: np.ndarray, fs: int) -> dict[str, float]:
        if isinstance(distance, UserError):
            raise distance
        return {"SSL_tiny": distance, "SBS_tiny": distance}

    monkeypatch.setattr(scorer, "SSLScores", lambda stem, conf: measure)
    fragment = tmp_path / "tiny.yaml"
    fragment.write_text("name: ssl\nconf: {upstream: up}\n")
    main([*arguments, "--ssl_conf", str(fragment)])
    (line,) = lines_of(tmp_path / "scores.1.jsonl")
    assert line["SSL_tiny"] is line["SBS_tiny"] is None
    assert line["no_value"] == {"SSL_tiny": reason, "SBS_tiny": reason}
    assert "NaN" not in (tmp_path / "scores.1.jsonl").read_text()


def test_set_below_the_rate_of_a_metric_is_refused_at_once(tmp_path: Path) -> None:
    make_set(tmp_path, count=2)
    for path in tmp_path.glob("*.wav"):
        soundfile.write(path, soundfile.read(path)[0], 8000)
    with pytest.raises(UserError, match="PESQ_WB needs audio of 16000 Hz or more"):
        main(options(tmp_path, metrics="SDR PESQ_WB"))
    assert not (tmp_path / "scores.1.jsonl.journal").exists()


def test_utterance_below_the_rate_of_a_metric_has_a_reason(tmp_path: Path) -> None:
    make_set(tmp_path, count=2)
    for path in tmp_path.glob("*0.wav"):
        soundfile.write(path, soundfile.read(path)[0], 8000)
    main(options(tmp_path, metrics="SDR PESQ_WB"))
    line, _ = lines_of(tmp_path / "scores.1.jsonl")
    assert line["SDR"] is not None
    assert "found 8000 Hz" in line["no_value"]["PESQ_WB"]


def test_recogniser_that_crashes_has_no_errors_and_silence_deletes_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hear(wav: np.ndarray) -> str:
        if wav[0] == 0.5:
            os.abort()
        return "hello world"

    judge = asr.Recogniser("Fake", None, (), {}, lambda: hear)
    monkeypatch.setitem(asr.RECOGNISERS, "fake", judge)
    arguments = make_set(tmp_path, count=3)
    soundfile.write(tmp_path / "inf0.wav", np.zeros(FS), FS)
    soundfile.write(tmp_path / "inf1.wav", np.append(0.5, np.zeros(FS - 1)), FS)
    main([*arguments, "--text", str(tmp_path / "text"), "--recognisers", "fake"])
    silent, crashed, usual = lines_of(tmp_path / "scores.1.jsonl")
    assert silent["WER_fake"]["del"] == 2
    assert crashed["WER_fake"] is None
    assert crashed["no_value"]["WER_fake"] == "crashed (SIGABRT)"
    assert usual["WER_fake"]["sub"] == usual["WER_fake"]["del"] == 0


def test_recogniser_without_text_is_refused(tmp_path: Path) -> None:
    arguments = make_set(tmp_path, count=1)
    with pytest.raises(UserError, match="--recognisers needs --text"):
        main([*arguments, "--recognisers", "pocketsphinx"])


def test_unknown_metric_ends_with_code_2_and_no_traceback(tmp_path: Path) -> None:
    make_set(tmp_path, count=1)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "espnet2_ext.bin.score"),
            *options(tmp_path, metrics="SDRR"),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "Did you mean 'SDR'" in done.stderr
    assert "Traceback" not in done.stderr


def test_killed_job_goes_on_and_gives_the_same_file(tmp_path: Path) -> None:
    make_set(tmp_path, count=4)
    main(options(tmp_path, "whole.jsonl"))
    command = [sys.executable, "-c", SLOW_JOB, *options(tmp_path, "killed.jsonl")]
    job = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    journal = tmp_path / "killed.jsonl.journal"
    deadline = time.monotonic() + 60
    while not (journal.exists() and len(journal.read_text().splitlines()) >= 3):
        assert time.monotonic() < deadline
        assert job.poll() is None
        time.sleep(0.02)
    os.kill(job.pid, os_signal.SIGKILL)
    job.wait()
    assert not (tmp_path / "killed.jsonl").exists()
    done = len(journal.read_text().splitlines()) - 1
    assert done < 4
    items_scored: list[int] = []
    score = scorer.Scorer.score

    def counted(self: scorer.Scorer, *args: object) -> dict:
        items_scored.append(1)
        return score(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scorer.Scorer, "score", counted)
        main(options(tmp_path, "killed.jsonl"))
    assert len(items_scored) == 4 - done
    killed, whole = tmp_path / "killed.jsonl", tmp_path / "whole.jsonl"
    assert killed.read_bytes() == whole.read_bytes()


def test_changed_audio_is_scored_again(tmp_path: Path) -> None:
    arguments = make_set(tmp_path, count=2)
    main(arguments)
    before = lines_of(tmp_path / "scores.1.jsonl")
    wav, _ = soundfile.read(tmp_path / "ref1.wav")
    soundfile.write(tmp_path / "inf1.wav", 0.9 * wav, FS)
    main(arguments)
    after = lines_of(tmp_path / "scores.1.jsonl")
    assert after[0] == before[0]
    assert after[1]["SDR"] > before[1]["SDR"] + 10


def test_argument_that_the_loss_does_not_take_is_refused(tmp_path: Path) -> None:
    arguments = make_set(tmp_path, count=1)
    fragment = tmp_path / "x.yaml"
    fragment.write_text("name: ssl\nconf: {upstream: fbank, layer: 3}\n")
    with pytest.raises(UserError, match=r"conf of .*x\.yaml 'layer'.*mean 'layers'"):
        main([*arguments, "--ssl_conf", str(fragment)])
