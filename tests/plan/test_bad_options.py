"""Wrong options of run.sh: refused at the start, in words that the user has typed."""

from __future__ import annotations

import re
import shlex

import pytest

from espnet2_ext.errors import UserError
from espnet2_ext.plan.check import plan_experiment
from tests.plan.recipes import options_of

TUNING = "conf/tuning/train_enh_tcn_snr"
DOWNSTREAM = "--stage 9 --skip_downstream false"
# (what the message says, words of run.sh)
ENH_SSL = [
    ("--stage", "--stage abc"),
    ("--stage", "--stage -1"),
    ("--stage", "--stage 1.5"),
    ("--stop_stage", "--stop_stage xyz"),
    ("--stage.*7 and 3", "--stage 7 --stop_stage 3"),
    ("--stage.*one of 0 1", "--stage 16"),
    ("--skip_upload_hf true leaves out", "--stage 12"),
    ("--skip_downstream", "--stage 9 --skip_downstream true"),
    ("--skip_packing", "--stage 11 --stop_stage 11 --skip_packing true"),
    ("--skip_train", "--stage 5 --stop_stage 6 --skip_train true"),
    ("--skip_data_prep", "--stage 1 --stop_stage 4 --skip_data_prep true"),
    ("--seeds", "--seeds 'a b'"),
    ("--seeds", "--seeds '0 0'"),
    ("--seeds", "--seeds -1"),
    ("--nj", "--nj 0"),
    ("--nj", "--nj -2"),
    ("--nj", "--nj many"),
    ("--inference_nj", "--inference_nj 0"),
    ("nowhere.yaml", "--enh_config conf/nowhere.yaml"),
    ("--ngpu", "--ngpu abc"),
    ("--fs", "--fs 16x"),
    ("--audio_format", "--audio_format mp3"),
    ("--skip_train", "--skip_train maybe"),
    ("FOO", "--scoring_metrics 'SI_SNR FOO'"),
    ("siri", "--recognisers siri"),
    ("nosuch", "--ssl_conf conf/ssl/nosuch.yaml"),
    ("foo", "--denoisers foo"),
    ("--observation_adding", "--observation_adding 1.5"),
    ("xyz", "--superb_tasks 'pr xyz'"),
    ("--enh_label", "--enh_label one"),
    ("nosuch", "--init_config conf/nosuch.yaml"),
    ("nosuch", "--init_param exp/nosuch.pth"),
    ("--train_jobs", "--train_jobs 0"),
    ("--ref_num", "--ref_num abc"),
    ("--ref_num", "--ref_num 0"),
    ("--ref_num.*one speaker", "--ref_num 2 --stage 8"),
    ("--hf_repo.*USER/NAME", "--skip_upload_hf false"),
    ("--hf_repo.*found 3 systems", "--skip_upload_hf false --hf_repo me/model"),
    ("--hf_repo.*USER/NAME", "--hf_repo model"),
    ("--speed_perturb_factors", "--speed_perturb_factors '0.9 x'"),
    ("--max_wav_duration", "--max_wav_duration abc"),
    ("wav_duration.*30 and 10", "--min_wav_duration 30 --max_wav_duration 10"),
    ("--python", "--python /nosuch/python"),
    ("--num_nodes", "--num_nodes 0"),
    ("--num_nodes", "--num_nodes 2"),
    ("--test_sets", "--test_sets ''"),
    ("twice", f"--enh_config '{TUNING}.yaml {TUNING}.yaml' --enh_label ''"),
    ("--enh_args: .*max_epoch", "--enh_args '--max_epoch many'"),
    ("--train_threads", "--train_threads 0"),
    ("msse", "--enh_config broken_ssl.yaml --enh_label x"),
    ("notyaml.yaml:2", "--enh_config notyaml.yaml --enh_label x"),
    ("separator_conf", "--enh_config layers.yaml --enh_label x"),
    ("has a loss 'ssl' for 16000", "--fs 8k"),
    ("PESQ_WB needs", "--fs 8k --scoring_metrics PESQ_WB"),
    ("--inference_model.*valid.loss", "--inference_model valid.los.best.pth"),
    ("--ssl_conf: odd.yaml: .*'msse'", "--ssl_conf odd.yaml"),
    ("corpus_sise", "--local_data_opts '--corpus_sise small'"),
    ("--train_set", "--train_set valid"),
    ("--test_sets: found train", "--test_sets 'test_en train'"),
    ("two systems named same", "--enh_exp 'a/same b/same c/x'"),
    ("clean", "--enh_exp 'exp/clean exp/b exp/c' --seeds ''"),
    ("dtln, which is taken", "--denoisers dtln --enh_label 'dtln x y'"),
    (
        "normalize_output_wav",
        "--observation_adding 0.1 --inference_args '--normalize_output_wav true'",
    ),
    ("--inference_args: .*normalise", "--inference_args '--normalise true'"),
    ("--init_config.*enh_config", f"--init_config {TUNING}.yaml"),
    ("weights of this network", "--init_config wide.yaml"),
    ("found no exp/nosuch/", f"--asr_exp exp/nosuch {DOWNSTREAM}"),
    ("one of them", "--asr_exp a --asr_model_file b.zip"),
    ("expected 16k", f"{DOWNSTREAM} --fs 8k"),
    ("nosuch", f"{DOWNSTREAM} --superb_upstreams nosuch"),
    ("found two named fbank", f"{DOWNSTREAM} --superb_upstreams 'fbank fbank=asv'"),
    ("--superb_upstreams: found none", f"{DOWNSTREAM} --superb_upstreams ''"),
    ("found no directory conf/nowhere", f"{DOWNSTREAM} --superb_conf conf/nowhere"),
    (
        "--inference_asr_args: .*beam",
        f"{DOWNSTREAM} --asr_exp asr --inference_asr_model m "
        "--inference_asr_args '--beam_sise 3'",
    ),
]
ASR = [
    ("--asr_config", "--asr_config conf/nosuch.yaml"),
    ("--inference_asr_model.*cer_ctc", "--inference_asr_model valid.wer.best.pth"),
    ("max_epoch", "--asr_args '--max_epoch many'"),
    ("cleaner", "--cleaner soap"),
    ("--nbpe", "--token_type bpe --nbpe 3"),
    ("--inference_args: .*beam", "--inference_args '--beam_sise 3'"),
    ("--inference_config: beam.yaml: .*beam_size", "--inference_config beam.yaml"),
    ("--feats_normalize", "--feats_normalize none"),
    ("--stage.*one of", "--stage 6"),
]
HUBERT = [
    ("--n_clusters", "--n_clusters 100"),
    ("--train_configs", "--train_stop_iter 2"),
    ("--train_start_iter", "--train_start_iter 2"),
    ("--features_km", "--features_km 'hubert hubert'"),
    ("--layers_km", "--layers_km '0 0'"),
    ("--inference_ssl_model.*valid.loss", "--inference_ssl_model valid.los.best.pth"),
    (
        "--train_configs: iter.yaml: .*encoder_conf",
        "--train_configs 'iter.yaml iter.yaml'",
    ),
    ("max_epoch", "--hubert_args '--max_epoch many'"),
]
SUPERB = [
    ("--enh_exps: found none", ""),
    ("found no a/config.yaml", "--enh_exps a"),
    ("--noise_corpora", "--noise_corpora ''"),
    ("named same", "--enh_exps 'a/same b/same'"),
    ("--audio_format", "--audio_format flac.ark"),
    ("--superb_tasks", "--superb_tasks ''"),
    ("--enh_label", "--enh_exps 'a b' --enh_label A"),
    ("A, which is taken", "--enh_exps 'a b c' --enh_label 'A B A'"),
    ("expected 16k", "--fs 8k"),
]
CASES = {"enh_ssl": ENH_SSL, "asr": ASR, "hubert": HUBERT, "superb": SUPERB}


@pytest.fixture(scope="module")
def files(recipes):
    """YAMLs with an error in them, and a recogniser, in the recipe."""
    recipe = recipes["enh_ssl"]
    whisper = (recipe / f"{TUNING}_whisper.yaml").read_text()
    plain = (recipe / f"{TUNING}.yaml").read_text()
    broken = whisper.replace("distance: mse", "distance: msse")
    layers = re.sub(r"(separator_conf:\n(\s+))", r"\1no_such_layer: 3\n\2", plain)
    assert broken != whisper
    assert layers != plain
    (recipe / "broken_ssl.yaml").write_text(broken)
    (recipe / "layers.yaml").write_text(layers)
    wide = re.sub(r"hidden_dim: \d+", "hidden_dim: 7", plain)
    assert wide != plain
    fragment = (recipe / "conf/ssl/whisper_tiny_en.yaml").read_text()
    odd = fragment.replace("conf:\n", "conf:\n    distance: msse\n", 1)
    assert odd != fragment
    (recipe / "odd.yaml").write_text(re.sub(r"\n\s+distance: (?!msse).*", "", odd))
    (recipe / "wide.yaml").write_text(wide)
    (recipe / "notyaml.yaml").write_text("a: [\n")
    hubert = recipes["hubert"]
    iteration = (hubert / "conf/tuning/train_hubert_small_iter0.yaml").read_text()
    (hubert / "iter.yaml").write_text(iteration.replace("_dropout: 0.1", "_drop: 0.1"))
    (recipes["asr"] / "beam.yaml").write_text("beam_sise: 3\n")
    (recipe / "asr").mkdir()
    (recipe / "asr/m").touch()


@pytest.mark.parametrize(
    ("template", "expected", "words"),
    [(template, *case) for template, cases in CASES.items() for case in cases],
)
def test_wrong_options_are_refused_with_the_word(
    template, expected, words, enter, files
):
    options = options_of(enter(template), *shlex.split(words))
    with pytest.raises(UserError) as caught:
        plan_experiment(template, options, dry_run=True)
    assert re.search(expected, str(caught.value))


def test_all_problems_are_said_at_once(enter, files):
    words = "--nj many --recognisers siri --enh_config 'broken_ssl.yaml notyaml.yaml'"
    words += " --seeds '0 0' --stage 7 --stop_stage 3 --init_param exp/nosuch.pth"
    options = options_of(enter("enh_ssl"), *shlex.split(words))
    with pytest.raises(UserError) as caught:
        plan_experiment("enh_ssl", options, dry_run=True)
    text = str(caught.value)
    for word in ("many", "siri", "notyaml.yaml", "'0 0'", "7 and 3"):
        assert word in text
    assert len(text.splitlines()) == len(set(text.splitlines()))


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("inference_enh_config", "notyaml.yaml:2: "),
        ("ssl_conf", "notyaml.yaml:2: "),
        ("superb_upstreams", "notyaml.yaml:2: "),
    ],
)
def test_yamls_are_read_without_espnet(option, expected, enter, files, readers_only):
    options = options_of(enter("enh_ssl"), f"--{option}", "notyaml.yaml")
    with pytest.raises(UserError, match=f"--{option}: {expected}"):
        plan_experiment("enh_ssl", options, dry_run=False)


def test_a_judge_that_is_not_installed_is_named(enter, monkeypatch, readers_only):
    def missing(name):
        raise UserError(f"{name} needs a package; install it.")

    monkeypatch.setattr("espnet2_ext.metrics.asr.recogniser", missing)
    monkeypatch.setattr("espnet2_ext.metrics.registry.find_metric", missing)
    options = options_of(enter("enh_ssl"), "--scoring_metrics", "SDR")
    with pytest.raises(UserError) as caught:
        plan_experiment("enh_ssl", options, dry_run=False)
    assert str(caught.value).splitlines() == [
        "--scoring_metrics: SDR needs a package; install it.",
        "--recognisers: whisper_tiny_en needs a package; install it.",
    ]
    plan_experiment("enh_ssl", {**options, "stop_stage": "7"}, dry_run=False)


def test_a_later_yaml_is_checked_too(enter, files):
    words = ("--enh_config", f"{TUNING}.yaml broken_ssl.yaml", "--stage", "5")
    with pytest.raises(UserError, match=r"--enh_config: broken_ssl\.yaml: .*msse"):
        plan_experiment("enh_ssl", options_of(enter("enh_ssl"), *words), dry_run=False)


def test_a_model_that_a_first_stage_makes_is_not_demanded(enter):
    words = ("--init_config", "conf/tuning/train_enh_tcn_long_snr.yaml")
    options = options_of(enter("enh_ssl"), *words)
    rows, _ = plan_experiment("enh_ssl", options, dry_run=False)
    assert rows[0].kind == "first_stage"
    assert rows[1].start.startswith(rows[0].exp)


def test_stages_that_do_not_run_demand_nothing(enter):
    words = ("--init_param", "exp/nosuch.pth", "--stage", "7", "--asr_exp", "exp/no")
    options = options_of(enter("enh_ssl"), *words, "--skip_downstream", "true")
    plan_experiment("enh_ssl", options, dry_run=False)
