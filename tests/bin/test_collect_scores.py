from __future__ import annotations

import json
from pathlib import Path

import pytest

from espnet2_ext.bin.collect_scores import main
from espnet2_ext.errors import UserError
from espnet2_ext.metrics.collect import read_scores


def write_job(root: Path, job: int, scores: dict[str, dict], seed: int = 0) -> None:
    logdir = root / "logdir"
    logdir.mkdir(exist_ok=True)
    lines = [json.dumps({"utt": utt, **score}) for utt, score in scores.items()]
    (logdir / f"scores.{job}.jsonl").write_text("\n".join(lines) + "\n")
    (logdir / f"scores.{job}.settings.json").write_text(json.dumps({"ssl": seed}))
    (logdir / f"keys.{job}").write_text("".join(f"{utt} x\n" for utt in scores))


def wer(errors: int, words: int) -> dict:
    return {"sub": errors, "del": 0, "ins": 0, "words": words, "hyp": "h"}


def two_jobs(root: Path) -> None:
    write_job(root, 2, {"a": {"SI_SNR": 1.0, "WER_pocketsphinx": wer(1, 1)}})
    write_job(
        root,
        1,
        {
            "b": {"SI_SNR": 4.0, "WER_pocketsphinx": wer(0, 9)},
            "c": {"SI_SNR": None},
        },
    )


def test_merges_and_writes_espnet_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two_jobs(tmp_path)
    main(["--scoring_dir", str(tmp_path)])
    lines = (tmp_path / "scores.jsonl").read_text().splitlines()
    assert [json.loads(line)["utt"] for line in lines] == ["a", "b", "c"]
    assert (tmp_path / "SI_SNR_spk1").read_text() == "a 1.0\nb 4.0\n"
    assert (tmp_path / "result_si_snr.txt").read_text() == "2.5\n"
    assert (tmp_path / "result_wer_pocketsphinx.txt").read_text() == "10\n"
    assert "2.50" in capsys.readouterr().out


def test_values_that_do_not_exist_are_counted_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = {"SI_SNR": "silent reference", "WER_pocketsphinx": "crashed (SIGABRT)"}
    write_job(
        tmp_path,
        1,
        {
            "a": {"SI_SNR": 1.0, "WER_pocketsphinx": wer(1, 4)},
            "b": {"SI_SNR": None, "WER_pocketsphinx": None, "no_value": lost},
            "c": {"SI_SNR": None, "no_value": {"audio": "cannot read audio"}},
        },
    )
    main(["--scoring_dir", str(tmp_path)])
    shown = capsys.readouterr().out
    assert "[1 of 3 utt; not b (silent reference), c (cannot read audio)]" in shown
    assert "[1 of 2 utt; not b (crashed (SIGABRT))]" in shown
    assert (tmp_path / "result_wer_pocketsphinx.txt").read_text() == "25\n"
    assert (tmp_path / "WER_pocketsphinx_spk1").read_text() == "a 25.0\n"
    assert (tmp_path / "SI_SNR_spk1").read_text() == "a 1.0\n"
    assert not list(tmp_path.glob("*no_value*"))
    assert read_scores(tmp_path / "scores.jsonl")["b"]["no_value"] == lost


def test_set_whose_audio_is_mostly_odd_is_refused(tmp_path: Path) -> None:
    odd = {"SI_SNR": None, "no_value": {"audio": "reference has 9 samples, ..."}}
    write_job(tmp_path, 1, {"a": {"SI_SNR": 1.0}, "b": odd, "c": odd})
    with pytest.raises(UserError, match=r"2 of 3 utterances cannot be scored:\nb: ref"):
        main(["--scoring_dir", str(tmp_path)])
    assert not (tmp_path / "scores.jsonl").exists()


def test_missing_utterance_is_named(tmp_path: Path) -> None:
    two_jobs(tmp_path)
    (tmp_path / "spk1.scp").write_text("a x\nb x\nc x\nd x\n")
    with pytest.raises(UserError, match="1 utterances have no score: d"):
        main(
            [
                *("--scoring_dir", str(tmp_path)),
                *("--key_file", str(tmp_path / "spk1.scp")),
            ]
        )
    assert not (tmp_path / "scores.jsonl").exists()


def test_utterance_in_two_files_is_refused(tmp_path: Path) -> None:
    two_jobs(tmp_path)
    write_job(tmp_path, 3, {"a": {"SI_SNR": 1.0}})
    with pytest.raises(UserError, match=r"'a' is in .*scores\.2.*scores\.3"):
        main(["--scoring_dir", str(tmp_path)])


def test_files_of_a_run_with_more_jobs_are_left_out_by_nj(tmp_path: Path) -> None:
    two_jobs(tmp_path)
    write_job(tmp_path, 3, {"a": {"SI_SNR": 1.0}})
    main(["--scoring_dir", str(tmp_path), "--nj", "2"])
    assert len((tmp_path / "scores.jsonl").read_text().splitlines()) == 3


def test_failed_job_is_noticed(tmp_path: Path) -> None:
    two_jobs(tmp_path)
    with pytest.raises(UserError, match=r"found 2 files.*expected 3"):
        main(["--scoring_dir", str(tmp_path), "--nj", "3"])


def test_score_of_an_unexpected_utterance_is_refused(tmp_path: Path) -> None:
    two_jobs(tmp_path)
    (tmp_path / "logdir" / "keys.1").write_text("b x\n")
    with pytest.raises(UserError, match="not of this set: c"):
        main(["--scoring_dir", str(tmp_path)])


def test_jobs_with_different_settings_do_not_mix(tmp_path: Path) -> None:
    two_jobs(tmp_path)
    write_job(tmp_path, 3, {"d": {"SI_SNR": 1.0}}, seed=1)
    with pytest.raises(UserError, match="different settings"):
        main(["--scoring_dir", str(tmp_path)])


def test_broken_line_is_named_by_file_and_line(tmp_path: Path) -> None:
    two_jobs(tmp_path)
    path = tmp_path / "logdir" / "scores.1.jsonl"
    path.write_text(path.read_text() + "{oops\n")
    with pytest.raises(UserError, match=r"scores\.1\.jsonl:3: not a score line"):
        main(["--scoring_dir", str(tmp_path)])
