"""The model that comes with the package: its files, what it does, where it goes on."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from espnet2_ext.bin import results_table
from espnet2_ext.denoisers.registry import DENOISERS
from espnet2_ext.denoisers.shipped import SE_DEBIAN_SMALL, SHIPPED
from espnet2_ext.tasks.config import check_config
from tests.conftest import ROOT
from tests.denoisers.test_registry import CLEAN, FS, NOISE

WEIGHTS = SHIPPED[SE_DEBIAN_SMALL]
CARD = WEIGHTS.with_suffix(".md")
CONFIG = WEIGHTS.with_suffix(".yaml")
RECORDS = ROOT / "egs2/debian_speech/enh_base1/results/se_debian_small/results.jsonl"


def si_snr(estimate: np.ndarray, reference: np.ndarray) -> float:
    target = (estimate @ reference) / (reference @ reference) * reference
    return 10 * np.log10((target @ target) / np.square(estimate - target).sum())


def test_files_are_small_and_the_card_has_the_digest():
    assert sum(path.stat().st_size for path in (WEIGHTS, CONFIG, CARD)) < 4e6
    digest = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    assert digest in CARD.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["test_en", "test_out"])
def test_tables_of_the_card_are_those_of_the_records(name, capsys):
    columns = ["SI_SNR=SI-SNR:2", "PESQ_WB=PESQ-WB:2", "ESTOI=ESTOI:1"]
    columns += ["P808=DNSMOS P.808:2", "LPS=LPS:1", "SPK_SIM=SpkSim:3"]
    columns += ["CAPPED_WER_whisper_tiny_en=WER Whisper, capped:1"]
    results_table.main(
        ["--results", str(RECORDS), "--test_set", name, "--columns", *columns]
    )
    assert capsys.readouterr().out.strip() in CARD.read_text(encoding="utf-8")


def test_configuration_names_no_folder_of_a_machine_and_no_part_of_ours():
    text = CONFIG.read_text(encoding="utf-8")
    assert not re.search(r"(^|\s)/(?!dev/null)\w+/", text)
    config = yaml.safe_load(text)
    assert config["preprocessor"] is None
    assert {c["name"] for c in config["criterions"]} <= {"snr", "si_snr"}


@pytest.mark.parametrize("snr", [0, 5, 10])
def test_stationary_noise_becomes_less(snr):
    found = DENOISERS[SE_DEBIAN_SMALL]
    noisy = CLEAN + NOISE * np.float32(10 ** (-snr / 20))
    enhanced = found.run(found.load(1), noisy, FS)
    assert si_snr(enhanced, CLEAN) > si_snr(noisy, CLEAN) + 3


def test_plain_espnet_loads_it(tmp_path: Path):
    code = f"""
import sys
import numpy as np
from espnet2.bin.enh_inference import SeparateSpeech
enhance = SeparateSpeech(train_config={str(CONFIG)!r}, model_file={str(WEIGHTS)!r})
assert enhance(np.zeros((1, 16000), np.float32) + 0.01, fs=16000)[0].shape == (1, 16000)
assert not [name for name in sys.modules if name.startswith("espnet2_ext")]
"""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_trainings_of_the_recipe_can_go_on_from_it():
    path = ROOT / "egs2/debian_speech/enh_ssl1/conf/tuning/train_enh_tcn_warm_snr.yaml"
    config = yaml.safe_load(path.read_text())
    check_config({**config, "init_param": [str(WEIGHTS)]})
