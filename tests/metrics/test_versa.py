"""The bridge to VERSA, with a program that stands in for ``versa-score``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet2_ext.bin.score import main
from espnet2_ext.errors import UserError
from espnet2_ext.metrics.registry import quantity_of
from espnet2_ext.metrics.versa import DIRECTIONS

# says of each utterance how long it is, and what it was asked
PROGRAM = """#!{python}
import argparse, json, os, soundfile
parser = argparse.ArgumentParser()
for name in ("pred", "gt", "text", "io", "score_config", "output_file"):
    parser.add_argument("--" + name)
args = parser.parse_args()
if os.environ.get("FAIL"):
    print("no module named utmos")
    raise SystemExit(3)
table = [line.split() for line in open(args.pred)]
gt = dict(line.split() for line in open(args.gt))
with open(args.output_file, "w") as stream:
    for utt, path in table:
        wav, _ = soundfile.read(path)
        ref, _ = soundfile.read(gt[utt])
        entry = {{"key": utt, "utmos": wav.mean(), "mcd": float(len(ref)), "odd": 1.0}}
        entry["text"] = bool(args.text)
        line = json.dumps(entry)
        if utt == "u1":
            line = line.replace(str(entry["utmos"]), "Infinity")
        if utt != os.environ.get("LOSE"):
            print(line, file=stream)
"""


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three utterances, a configuration, and the program on the path."""
    program = tmp_path / "bin/versa-score"
    program.parent.mkdir()
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    for name, level in (("ref", 0.5), ("inf", 0.25)):
        lines = []
        for n in range(3):
            path = tmp_path / f"{name}{n}.wav"
            soundfile.write(path, np.full(1600 + n, level), 16000, "FLOAT")
            lines.append(f"u{n} {path}\n")
        (tmp_path / f"{name}.scp").write_text("".join(lines))
    (tmp_path / "versa.yaml").write_text("- name: utmos\n")
    return [
        *(
            "--ref_scp",
            str(tmp_path / "ref.scp"),
            "--inf_scp",
            str(tmp_path / "inf.scp"),
        ),
        *("--metrics", "SI_SNR", "--versa_config", str(tmp_path / "versa.yaml")),
        *("--output", str(tmp_path / "scores.1.jsonl")),
    ]


def lines(folder: Path) -> list[dict]:
    text = (folder / "scores.1.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_its_metrics_are_keys_of_the_score_lines(
    words: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    main(words)
    first, second, third = lines(tmp_path)
    assert (first["VERSA_utmos"], first["VERSA_mcd"]) == (0.25, 1600)
    assert (third["VERSA_utmos"], third["VERSA_mcd"]) == (0.25, 1602)
    assert second["VERSA_utmos"] is None
    assert second["no_value"]["VERSA_utmos"] == "VERSA gave no finite number"
    assert "VERSA_odd" not in first
    assert "left out odd, text: it is not known which way is better" in caplog.text
    settings = json.loads((tmp_path / "scores.1.settings.json").read_text())
    assert list(settings["versa"]) == ["versa.yaml"]


def test_each_has_a_direction_and_a_unit() -> None:
    assert quantity_of("VERSA_utmos").arrow == "↑"
    assert (quantity_of("VERSA_mcd").arrow, quantity_of("VERSA_mcd").unit) == (
        "↓",
        "dB",
    )
    for name in DIRECTIONS:
        assert quantity_of(f"VERSA_{name}").label == f"VERSA {name}"


def test_its_failure_is_shown_with_the_command(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIL", "1")
    with pytest.raises(UserError, match=r"ended with 3(.|\n)*no module named utmos"):
        main(words)


def test_an_utterance_that_it_leaves_out_is_named(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOSE", "u2")
    with pytest.raises(UserError, match="VERSA has no line for u2"):
        main(words)


def test_without_the_program_nothing_starts(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match="found no program versa-score"):
        main(words)
    monkeypatch.undo()
    words[words.index("--versa_config") + 1] = "missing.yaml"
    with pytest.raises(UserError, match=r"found no missing\.yaml"):
        main(words)
