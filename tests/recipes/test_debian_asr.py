"""egs2/debian_speech/asr1: its YAMLs, its options, and run.sh itself in little."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from tests.conftest import ROOT

RECIPE = ROOT / "egs2/debian_speech/asr1"
CONFIGS = sorted(RECIPE.glob("conf/tuning/train_asr_*.yaml"))
TINY = [
    *("--local_data_opts", "--max_train_utts 8 --max_test_utts 4"),
    *("--asr_args", "--max_epoch 1 --num_iters_per_epoch 2 --batch_bins 200000"),
    *("--ngpu", "0", "--nj", "2", "--skip_packing", "false"),
]


def run(recipe, *args):
    # the interpreter of this test, so that no second environment is made
    env = {**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [recipe / "run.sh", *map(str, args)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """A recipe directory of its own, made of links: nothing of a user is touched."""
    directory = tmp_path_factory.mktemp("debian_asr")
    for path in RECIPE.iterdir():
        if path.name not in ("data", "dump", "exp", "downloads"):
            (directory / path.name).symlink_to(path)
    return directory


def test_there_is_a_configuration_for_each_frontend_and_budget():
    names = {path.stem.removeprefix("train_asr_") for path in CONFIGS}
    frontends, endings = ("fbank", "whisper"), ("_conformer", "_conformer_ctc")
    assert names == {f + e for f in frontends for e in endings}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configuration_is_accepted_whole_and_builds(path, tmp_path):
    from espnet2_ext.tasks.asr import ASRTask

    (tmp_path / "tokens.txt").write_text("<blank>\n<unk>\nа\nб\n<sos/eos>\n")
    dry = ["--config", str(path), "--output_dir", str(tmp_path), "--dry_run", "true"]
    dry += ["--token_type", "char", "--token_list", str(tmp_path / "tokens.txt")]
    dry += ["--normalize", "utterance_mvn", "--frontend_conf", "fs=16k"]
    ASRTask.main(cmd=[*dry, "--iterator_type", "none", "--ngpu", "0"])
    built = yaml.safe_load((tmp_path / "config.yaml").read_text())
    for key, value in yaml.safe_load(path.read_text()).items():
        conf = built[key]
        if isinstance(value, dict):
            conf = {k: conf[k] for k in value}
        assert conf == value, key


@pytest.mark.parametrize("path", sorted(RECIPE.glob("conf/decode*.yaml")))
def test_decoding_configuration_is_accepted(path):
    from espnet2.bin.asr_inference import get_parser

    needed = ["--output_dir", "x", "--data_path_and_name_and_type", "a,speech,sound"]
    args = vars(get_parser().parse_args([*needed, "--config", str(path)]))
    for key, value in yaml.safe_load(path.read_text()).items():
        assert args[key] == value


def test_options_choose_the_yaml_and_what_goes_with_it(recipe):
    words = ["--frontend", "whisper", "--budget", "full", "--token_type", "bpe"]
    done = run(recipe, *words, "--dry_run", "true", "--ngpu", 0)
    assert done.returncode == 0, done.stdout
    assert "conf/tuning/train_asr_whisper_conformer.yaml" in done.stdout
    assert "--normalize utterance_mvn" in done.stdout
    assert "conf/decode_asr_attention.yaml" in done.stdout
    assert "data/ru_token_list/bpe_unigram200/bpe.model" in done.stdout
    for bad in (["--budget", "huge"], ["--frontend"]):
        refused = run(recipe, *bad)
        assert refused.returncode == 1
        assert "run.sh: " in refused.stdout


@pytest.fixture(scope="module")
def finished(recipe):
    if shutil.which("apt-get") is None:
        pytest.skip("no apt-get: the corpus is made of Debian packages")
    done = run(recipe, *TINY, "--token_type", "bpe", "--nbpe", 40)
    if "Check the network" in done.stdout and "CI" not in os.environ:
        pytest.skip("the Debian packages cannot be downloaded here")
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


@pytest.mark.slow
def test_every_stage_runs_and_the_table_is_printed(finished, recipe):
    for stage in (0, 1, 3, 4, 5, 10, 11, 12, 13, 14):
        assert re.search(rf"Stage {stage} done in \d+ s", finished)
    assert re.search(r"^\|test_noisy\|4\|", finished, flags=re.M)
    assert len(list(recipe.glob("exp/asr_train*/*.zip"))) == 1


@pytest.mark.slow
def test_every_test_utterance_is_decoded_and_scored(finished, recipe):
    for name in ("test", "test_noisy"):
        expected = (recipe / f"dump/raw/{name}/text").read_text().splitlines()
        ids = [line.split()[0] for line in expected]
        [path] = recipe.glob(f"exp/asr_train*/*/{name}/scores.jsonl")
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        assert [row["id"] for row in rows] == ids
        words = sum(len(line.split()) - 1 for line in expected)
        assert sum(row["wer"]["words"] for row in rows) == words


@pytest.mark.slow
def test_second_run_has_nothing_left_to_do(finished, recipe):
    more = ["--token_type", "bpe", "--nbpe", 40, "--stage", 3, "--stop_stage", 13]
    again = run(recipe, *TINY, *more)
    assert again.returncode == 0, again.stdout[-2000:]
    assert "-> log" not in again.stdout
    assert again.stdout.count("skipped") >= 11


@pytest.mark.slow
def test_packed_recogniser_decodes_a_condition_elsewhere(finished, recipe, tmp_path):
    """The chain: what asr1 packed, used as a given ASR from another directory."""
    from espnet2_ext.bin.resolve_asr import main as resolve

    [archive] = recipe.glob("exp/asr_train*/*.zip")
    resolve(["--asr_model_file", str(archive), "--out_dir", str(tmp_path / "asr")])
    flags = (tmp_path / "asr/flags").read_text().splitlines()
    scp = tmp_path / "wav.scp"
    line = (recipe / "data/test/wav.scp").read_text().splitlines()[0]
    utt, path = line.split()
    scp.write_text(f"{utt} {recipe / path}\n")
    command = [sys.executable, "-m", "espnet2.bin.asr_inference", *flags]
    command += ["--data_path_and_name_and_type", f"{scp},speech,sound"]
    command += ["--output_dir", str(tmp_path / "out"), "--ngpu", "0"]
    command += ["--beam_size", "1", "--ctc_weight", "1.0", "--maxlenratio", "0.1"]
    subprocess.run(command, check=True, cwd=tmp_path, capture_output=True)
    text = (tmp_path / "out/1best_recog/text").read_text()
    assert text.split()[0] == utt
