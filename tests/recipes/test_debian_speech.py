"""The embedded recipe's own run.sh, every stage, on a few real utterances."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

from tests.conftest import ROOT

# on a share of one busy core the recipe in miniature takes a quarter of an hour
pytestmark = pytest.mark.timeout(1800)

SYSTEMS = ("SE-SNR", "SE-SNR+log-mel", "SE-SNR+SSL")
RECIPE = ROOT / "egs2/debian_speech/enh_ssl1"
TINY = [
    "--local_data_opts",
    "--corpus_size tiny --max_train_utts 8 --max_test_utts 3",
    "--enh_args",
    "--max_epoch 1 --num_iters_per_epoch 2 --batch_size 2 --num_workers 0",
    *("--skip_downstream", "true"),  # probes of three tasks: tests/recipes/debian
]


def run(recipe, *args, first=TINY):
    # the interpreter of this test, so that no second environment is made
    env = {**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [recipe / "run.sh", *first, *map(str, args)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """A recipe directory of its own, made of links: nothing of a user is touched."""
    directory = tmp_path_factory.mktemp("debian_speech")
    for path in RECIPE.iterdir():
        if path.name not in ("data", "dump", "exp", "downloads"):
            (directory / path.name).symlink_to(path)
    return directory


@pytest.fixture(scope="module")
def finished(recipe):
    if shutil.which("apt-get") is None:
        pytest.skip("no apt-get: the corpus is made of Debian packages")
    done = run(recipe)
    if "Check the network" in done.stdout and "CI" not in os.environ:
        pytest.skip("the Debian packages cannot be downloaded here")
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def trained_with(recipe, *words):
    """The YAML and the seed of each training that run.sh would start."""
    dry = ["--stage", "6", "--stop_stage", "6", "--dry_run", "true"]
    done = run(recipe, *words, first=dry)  # run.sh's own options in any position
    assert done.returncode == 0, done.stdout
    return re.findall(
        r"--seed (\d) .*--config conf/tuning/train_enh_(\S+)\.yaml", done.stdout
    )


@pytest.mark.parametrize(
    ("words", "seeds", "separator", "upstream"),
    [
        ([], "0", "tcn", "whisper_early"),
        (["--upstream", "hubert"], "0", "tcn", "hubert"),
        (
            ["--upstream", "hubert", "--budget", "full", "--separator", "convtasnet"],
            *("012", "convtasnet", "hubert"),
        ),
    ],
)
def test_first_options_choose_what_is_trained(
    recipe, words, seeds, separator, upstream
):
    names = [f"{separator}_snr{loss}" for loss in ("", "_fbank", f"_{upstream}")]
    expected = {(seed, name) for seed in seeds for name in names}
    assert set(trained_with(recipe, *words)) == expected


@pytest.mark.parametrize(
    ("words", "network", "loss"),
    [
        (["--budget", "full"], "tcn", "whisper_early hubert both"),
        (
            ["--separator", "tcn_large_warm", "--upstream", "hubert"],
            *("tcn_large", "hubert"),
        ),
    ],
)
def test_network_of_two_stages_is_trained_in_both(recipe, words, network, loss):
    losses = ("", "_fbank", *(f"_{name}" for name in loss.split()))
    second = [f"{network}_warm_snr{more}" for more in losses]
    first, *names = dict.fromkeys(name for _, name in trained_with(recipe, *words))
    assert first == f"{network}_long_snr"
    assert sorted(names) == sorted(second)


@pytest.mark.parametrize("option", ["--enh_config", "--enh-config"])
def test_systems_of_ones_own_have_the_first_stage_that_one_names(recipe, option):
    words = ["--budget", "full", "--seeds", "0", "--enh_label", "SE-SNR"]
    words += [option, "conf/tuning/train_enh_tcn_snr.yaml"]
    assert trained_with(recipe, *words) == [("0", "tcn_snr")]
    words += ["--init_config", "conf/tuning/train_enh_tcn_long_snr.yaml"]
    assert trained_with(recipe, *words) == [("0", "tcn_long_snr"), ("0", "tcn_snr")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--budget", "huge"], "expected demo or full"),
        (["--separator", "rnn"], "train_enh_rnn_snr.yaml"),
        (["--upstream", "wavlm"], "there are: "),
        (["--downstream", "huge"], "expected quick, demo or full"),
        (["--upstream"], "option --upstream needs a value"),
    ],
)
def test_first_option_that_names_nothing_is_one_clear_error(recipe, words, message):
    refused = run(recipe, first=words)
    assert refused.returncode == 1
    assert message in refused.stdout


def lines(path):
    return path.read_text().splitlines()


def test_every_stage_runs_and_the_table_is_printed(finished):
    for stage in (0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 15):
        assert f"Stage {stage}:" in finished
        assert re.search(rf"Stage {stage} done in \d+ s", finished)
    rows = [name + oa for name in SYSTEMS for oa in ("", "+OA0.1")]
    for row in ("clean", "noisy", *rows):
        assert re.search(rf"^\W*{re.escape(row)}\b.*\d", finished, flags=re.M), row
    assert "report.html" in finished


def test_all_systems_were_trained_on_the_same_data_steps_and_seed(finished, recipe):
    import yaml

    first, *others = (
        yaml.safe_load(path.read_text())
        for path in sorted(recipe.glob("exp/enh_train_*/config.yaml"))
    )
    assert len(others) == 2
    for other in others:
        different = {key for key in first if first[key] != other[key]}
        assert different <= {"criterions", "config", "output_dir"}
        assert first["seed"] == other["seed"]


def test_the_page_says_what_the_loss_does_and_what_the_control_does_of_it(finished):
    for change in (
        r"The SSL loss \(SE-SNR\+SSL in place of SE-SNR\): for the pipeline, ",
        r"The control, .* \(SE-SNR\+log-mel in place of SE-SNR\): ",
        r"The speech model beyond the control \(SE-SNR\+SSL in place of SE-SNR\+log-m",
        r"Observation adding \(SE-SNR\+OA0.1 in place of SE-SNR\): for the pipeline, ",
        r"The SSL loss against observation adding \(SE-SNR\+SSL in place of SE-SNR\+OA",
    ):
        assert re.search(change, finished), change


def test_every_utterance_is_scored_in_every_condition(finished, recipe):
    expected = {line.split()[0] for line in lines(recipe / "dump/raw/test_en/wav.scp")}
    assert len(expected) == 3
    scored = [
        *recipe.glob("dump/raw/test_en/scoring*/scores.jsonl"),
        *recipe.glob("exp/*/enhanced_test_en/scoring/scores.jsonl"),
    ]
    assert len(scored) == 8
    for path in scored:
        rows = [json.loads(line) for line in lines(path)]
        assert {row["utt"] for row in rows} == expected
        for row in rows:
            assert row["WER_whisper_tiny_en"]["words"] > 0
            assert row["SSL_whisper_tiny_en"] >= 0
            assert row["LPS"] <= 100
            assert -1 <= row["SPK_SIM"] <= 1 + 1e-6
    noisy = [
        json.loads(x) for x in lines(recipe / "dump/raw/test_en/scoring/scores.jsonl")
    ]
    snr = dict(line.split() for line in lines(recipe / "dump/raw/test_en/utt2snr"))
    for row in noisy:  # the mixture's SI-SNR is the SNR it was made with, nearly
        assert row["SI_SNR"] == pytest.approx(float(snr[row["utt"]]), abs=1.0)


def test_packed_models_ask_for_nothing_of_ours(finished, recipe):
    archives = list(recipe.glob("exp/*/*.zip"))
    assert len(archives) == 3
    for archive in archives:
        with zipfile.ZipFile(archive) as packed:
            names = packed.namelist()
            config = next(n for n in names if n.endswith("config.yaml"))
            assert "name: ssl" not in packed.read(config).decode()
        assert archive.stat().st_size < 6e6  # the separator, and no encoder of 30 MB


def test_second_run_has_nothing_left_to_train_or_score(finished, recipe):
    again = run(recipe, "--stage", 3, "--stop_stage", 8)
    assert again.returncode == 0, again.stdout[-2000:]
    assert "train.log" not in again.stdout
    assert again.stdout.count("skipped") >= 8


def test_report_is_one_file_and_names_the_encoder_for_what_it_is(finished, recipe):
    html = (recipe / "exp/report.html").read_text()
    assert not re.search(r'(src|href)="https?:', html)
    assert html.count("<audio") >= 4
    results = (recipe / "exp/RESULTS.md").read_text()
    assert "supervised encoder" in results
    assert "espnet2_ext.bin.report" in results
