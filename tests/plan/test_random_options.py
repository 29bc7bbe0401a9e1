"""Whatever the options hold, the answer is a table or a message, never a traceback."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from espnet2_ext.errors import UserError
from espnet2_ext.plan.check import plan_experiment
from espnet2_ext.plan.table import format_rows, parse_rows
from tests.plan.recipes import MACHINE, SCRIPTS, option_list

YAMLS = "conf/tuning/train_enh_tcn_snr.yaml"
LIKELY = (
    *("", "0", "1", "-1", "0.5", "nan", "16k", "8k", "true", "false", "a b", "0 1"),
    *("exp/a", "exp/a/", "/", ".", "..", "clean", "fbank=pr", "SDR", "dtln", "pr ks"),
    *(YAMLS, f"{YAMLS} {YAMLS}", "conf", "--max_epoch 3", "--help", "--config x", "="),
    *("mfcc hubert", "9", "15", "1e400", "SEED", "a:b", "100 100", "-", "--"),
)
VALUES = st.sampled_from(LIKELY) | st.text(max_size=12)
FIXTURES = [HealthCheck.function_scoped_fixture]


def answer(template, options):
    try:
        rows, _ = plan_experiment(template, options, dry_run=False)
    except UserError:
        return
    text = format_rows(rows)
    assert parse_rows(text, "systems.tsv") == rows


@pytest.mark.parametrize("template", SCRIPTS)
@settings(max_examples=150, deadline=None, suppress_health_check=FIXTURES)
@given(data=st.data())
def test_random_values_get_a_table_or_a_message(template, data, enter, readers_only):
    enter(template)
    options = {**option_list(template), **MACHINE}
    names = data.draw(st.lists(st.sampled_from(sorted(options)), max_size=6))
    answer(template, {**options, **{name: data.draw(VALUES) for name in names}})


# What passes the checks of values, so that ESPnet and s3prl are asked.
WORDS = st.lists(
    st.sampled_from(
        [
            *("--max_epoch", "3", "many", "--help", "--print_config", "true", "--"),
            *("--config", "conf", "--optim_conf", "lr=x", "--init_param", "a:b:c:d:e"),
            *("--model_conf", "{}", "[", "--seed", "nan", "--ngpu", "-1", "--x"),
            *("--output_format", "mp3", "--normalize_output_wav", "--beam_size"),
        ]
    ),
    max_size=4,
).map(lambda words: " ".join(["--batch_size", *words]))
DEEP = {
    "enh_ssl": {
        "enh_config": st.sampled_from([YAMLS, "conf/ssl/fbank.yaml", ""]),
        **dict.fromkeys(("enh_args", "inference_args"), WORDS),
        "inference_enh_config": st.sampled_from([YAMLS, "conf/superb/pr.yaml"]),
        "ssl_conf": st.sampled_from([YAMLS, "conf/ssl/fbank.yaml"]),
        "init_param": st.sampled_from(["run.sh", "conf", ""]),
    },
    "asr": {
        "asr_config": st.sampled_from(["conf/decode_asr_ctc.yaml", "run.sh", ""]),
        **dict.fromkeys(("asr_args", "inference_args"), WORDS),
        "cleaner": st.sampled_from(["none", "tacotron", "--help", "-", "soap"]),
    },
    "hubert": {
        "train_configs": st.sampled_from(["run.sh local/data.sh", "README.md cmd.sh"]),
        "hubert_args": WORDS,
    },
    "superb": {
        "superb_upstreams": st.sampled_from(["fbank", "Path", "hf_hubert_custom", "x"]),
        "superb_tasks": st.sampled_from(["pr", "sd asv"]),
        "superb_conf": st.sampled_from(["conf/superb", "conf", "run.sh"]),
        "inference_args": WORDS,
    },
}
SETS = {"train_set": "a", "valid_set": "b", "test_sets": "c", "noise_corpora": "wham"}


@pytest.mark.parametrize("template", SCRIPTS)
@settings(max_examples=25, deadline=None, suppress_health_check=FIXTURES)
@given(data=st.data())
def test_espnet_is_asked_about_random_values_without_a_traceback(template, data, enter):
    enter(template)
    options = {**option_list(template), **MACHINE}
    options |= {name: value for name, value in SETS.items() if name in options}
    drawn = {name: data.draw(values) for name, values in DEEP[template].items()}
    answer(template, {**options, **drawn})
