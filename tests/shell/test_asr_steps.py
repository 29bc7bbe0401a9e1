"""steps/asr.sh: what is decoded where, what is skipped, what is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml
from helpers import TEMPLATE, run

from tests.wrong_files import write_weights

# Stands in for the interpreter: "decodes" at once (the id's second half), passes
# everything else on.
FAKE_PYTHON = """#!/usr/bin/env bash
case "$*" in
    *espnet2.bin.asr_inference*)
        echo "$*" >> decoded
        while [ $# -gt 0 ]; do
            case "$1" in --key_file) keys=$2 ;; --output_dir) out=$2 ;; esac
            shift
        done
        [ -z "${FAIL_IN:-}" ] || [[ ${out} != *"${FAIL_IN}"* ]] || exit 9
        mkdir -p "${out}/1best_recog"
        while read -r utt _; do echo "${utt} ${utt#*-}"; done \\
            < "${keys}" > "${out}/1best_recog/text"
        ;;
    *) exec "${REAL_PYTHON}" "$@" ;;
esac
"""

# The template in little: the options that stages 9 and 10 read, and two systems.
DRIVER = """#!/usr/bin/env bash
set -euo pipefail
stage=9
stop_stage=10
dry_run=false
fs=16k
asr_exp=
asr_model_file=
inference_asr_args=
asr_test_sets=
asr_tag=small
## end of options
resume_jobs=true nj=2 inference_nj=2 python=./python
gpu_inference=false raw=dump/raw expdir=exp audio_format=wav.ark
test_sets="test quiet" asr_config=""
inference_asr_model=valid.acc.ave.pth inference_asr_config=""
inference_cmd="run.pl --gpu 0" inference_ngpu=0
. steps/all.sh
. utils/parse_options.sh
. ./path.sh
. ./cmd.sh
read -ra py <<< "${python}"
systems=$(printf '%s\\t%s\\t%s\\t%s\\n' row exp kind enhanced \\
    a exp/a system enhanced b exp/b system enhanced)
stage_9_decode() { decode_conditions; }
stage_10_score() { score_conditions; }
watch_signals
stages="9 10"
run_stages 9 10
"""
TEXT = {"s-one": "one", "s-two": "two", "t-three": "tree"}


def write(path: Path, table: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{key} {value}\n" for key, value in table.items()))


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    for name in ("utils", "steps", "path.sh", "cmd.sh"):
        (tmp_path / name).symlink_to(TEMPLATE / name)
    (tmp_path / "driver.sh").write_text(DRIVER)
    (tmp_path / "python").write_text(FAKE_PYTHON)
    for name in ("driver.sh", "python"):
        (tmp_path / name).chmod(0o755)
    (tmp_path / "audio").write_text("samples")
    audio = dict.fromkeys(TEXT, "audio")
    for dset in ("test", "quiet"):
        for name in ("wav.scp", "spk1.scp"):
            write(tmp_path / "dump/raw" / dset / name, audio)
        for exp in ("a", "b"):
            write(tmp_path / f"exp/{exp}/enhanced_{dset}/spk1.scp", audio)
    write(tmp_path / "dump/raw/test/text", TEXT)
    write(tmp_path / "dump/raw/test/utt2spk", {utt: utt[0] for utt in TEXT})
    asr = tmp_path / "asr1/exp/asr_small"
    asr.mkdir(parents=True)
    write_weights(asr / "valid.acc.ave.pth")
    (asr / "config.yaml").write_text(yaml.safe_dump({"token_list": ["<blank>"]}))
    return tmp_path


def drive(recipe: Path, *words: str, **environment: str):
    (recipe / "decoded").unlink(missing_ok=True)
    command = ["./driver.sh", "--asr_exp", "asr1/exp/asr_small", *words]
    if "--asr_exp" in words:
        command = ["./driver.sh", *words]
    return run(
        command,
        recipe,
        **{"REAL_PYTHON": sys.executable, "PYTHON": "./python", **environment},
    )


def decoded(recipe: Path) -> list[str]:
    path = recipe / "decoded"
    return path.read_text().splitlines() if path.exists() else []


def test_every_condition_has_its_own_audio_and_place(recipe: Path) -> None:
    done = drive(recipe)
    assert done.returncode == 0, done.stdout + done.stderr
    places = {
        "dump/raw/test/asr_small_clean": "dump/raw/test/spk1.scp,speech,kaldi_ark",
        "dump/raw/test/asr_small_noisy": "dump/raw/test/wav.scp,speech,kaldi_ark",
        "exp/a/enhanced_test/asr_small": "exp/a/enhanced_test/spk1.scp,speech,sound",
        "exp/b/enhanced_test/asr_small": "exp/b/enhanced_test/spk1.scp,speech,sound",
    }
    for place, audio in places.items():
        assert any(f"{place}/" in x and audio in x for x in decoded(recipe)), place
        lines = (recipe / place / "text").read_text().splitlines()
        assert lines == ["s-one one", "s-two two", "t-three three"]
        scores = (recipe / place / "scores.jsonl").read_text().splitlines()
        assert [json.loads(x)["wer"]["sub"] for x in scores] == [0, 0, 1]
        assert "| s " in (recipe / place / "score_wer/result.txt").read_text()
    table = (recipe / "exp/RESULTS_ASR_small.md").read_text()
    rows = [x.split("|")[1] for x in table.splitlines() if x.startswith("|test/")]
    assert rows[:4] == ["test/clean", "test/noisy", "test/a", "test/b"]
    assert "quiet: not decoded, it has no text" in done.stderr


def test_the_second_run_does_nothing_and_new_audio_only_its_own(recipe: Path) -> None:
    assert drive(recipe).returncode == 0
    again = drive(recipe)
    assert again.returncode == 0
    assert decoded(recipe) == []
    assert again.stdout.count("skipped") == 8
    (recipe / "louder").write_text("other samples")
    write(recipe / "exp/b/enhanced_test/spk1.scp", dict.fromkeys(TEXT, "louder"))
    assert drive(recipe).returncode == 0
    assert decoded(recipe)
    assert all("exp/b/" in line for line in decoded(recipe))
    other = drive(recipe, "--inference_asr_args", "--beam_size 2")
    assert other.returncode == 0
    assert all("--beam_size 2" in line for line in decoded(recipe))
    assert len(decoded(recipe)) >= 4


def test_a_failed_condition_is_named_and_the_others_are_kept(recipe: Path) -> None:
    done = drive(recipe, FAIL_IN="exp/a")
    assert done.returncode != 0
    assert "decode exp/a/enhanced_test/asr_small failed" in done.stderr
    assert not (recipe / "exp/a/enhanced_test/asr_small/text").exists()
    assert drive(recipe).returncode == 0
    assert not any("dump/raw" in line for line in decoded(recipe))


def test_tag_names_the_directories(recipe: Path) -> None:
    done = drive(recipe, "--asr_tag", "mine", "--asr_test_sets", "test")
    assert done.returncode == 0, done.stderr
    assert (recipe / "exp/a/enhanced_test/asr_mine/scores.jsonl").exists()
    assert (recipe / "exp/RESULTS_ASR_mine.md").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--asr_test_sets", "quiet"], "found no dump/raw/quiet/text"),
        (["--asr_exp", "nowhere"], "nowhere/valid.acc.ave.pth: no such file"),
        (["--fs", "8k"], "frontend_conf.fs: 16000; expected 8k"),
    ],
)
def test_what_does_not_fit_is_refused_before_decoding(
    recipe: Path, words: list[str], message: str
) -> None:
    done = drive(recipe, *words)
    assert done.returncode != 0
    assert message in done.stderr
    assert decoded(recipe) == []


def test_dry_run_prints_the_commands_and_writes_nothing(recipe: Path) -> None:
    before = sorted(recipe.rglob("*"))
    done = drive(recipe, "--dry_run", "true")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("espnet2.bin.asr_inference") == 8  # quiet may get text
    assert sorted(recipe.rglob("*")) == before
