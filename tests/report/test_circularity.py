"""Every judge is marked where a loss aims at what it listens through, or a relative."""

from __future__ import annotations

import json
import re

import pytest
import torch
import yaml

from espnet2_ext.ablation.settings import Ablation, Setting
from espnet2_ext.ablation.tables import build_section, find_scored
from espnet2_ext.errors import UserError
from espnet2_ext.report.circularity import of_conf, of_losses, of_recogniser
from espnet2_ext.report.sources.scores import read_scored_set
from espnet2_ext.report.tables import joint_table
from espnet2_ext.ssl.relation import Upstream
from tests.report.conftest import Corpus
from tests.report.downstream import read

RELATIVES = {
    "whisper_tiny_en": "whisper_local",
    "wavlm_base_plus": "wavlm_large",
    "hubert_base": "hubert_debian_small",
}
OTHER = "data2vec"


def marked(corpus: Corpus) -> set[str]:
    header = joint_table(read(corpus)).header
    return {re.split("[†‡]", text)[0] for text in header if set("†‡") & set(text)}


def probe(corpus: Corpus, upstream: str, **result: str) -> str:
    """The probe of phones listens to ``upstream`` under the name of a YAML."""
    folder = corpus.root / "exp/superb/my_yaml"
    (corpus.root / "exp/superb/wavlm_base_plus").rename(folder)
    for path in folder.glob("*/evaluate/*/result.json"):
        entry = json.loads(path.read_text())
        fields = {"upstream": upstream, "tag": "my_yaml", **result}
        path.write_text(json.dumps({**entry, **fields}))
    return "PR PER my_yaml"


def probe_of_before(corpus: Corpus, upstream: str) -> str:
    """Its results have the YAML's name; probe.json has the upstream."""
    folder = corpus.root / "exp/superb/my_yaml"
    (corpus.root / "exp/superb/wavlm_base_plus").rename(folder)
    for path in folder.glob("*/evaluate/*/result.json"):
        entry = json.loads(path.read_text())
        path.write_text(json.dumps({**entry, "upstream": "my_yaml"}))
    for task in folder.iterdir():
        identity = {"upstream": {"upstream": upstream, "checkpoint": None}}
        (task / "probe.json").write_text(json.dumps(identity))
    return "PR PER my_yaml"


def distance(corpus: Corpus, upstream: str) -> str:
    path = corpus.data / "scoring/settings.json"
    path.write_text(json.dumps({"ssl": {"tiny": {"upstream": upstream}}}))
    return "SSL tiny test_en"


def recogniser(corpus: Corpus, upstream: str) -> str:
    write_asr_config(
        corpus,
        {
            "frontend": "s3prl",
            "frontend_conf": {"frontend_conf": {"upstream": upstream}},
        },
    )
    return "WER ASR char test_en"


def fused_recogniser(corpus: Corpus, upstream: str) -> str:
    entry = {"frontend_type": "s3prl", "frontend_conf": {"upstream": upstream}}
    plain = {"frontend_type": "default"}
    conf = {"frontends": [plain, entry]}
    write_asr_config(corpus, {"frontend": "fused", "frontend_conf": conf})
    return "WER ASR char test_en"


def write_asr_config(corpus: Corpus, config: dict) -> None:
    path = corpus.root / "out/asr_char/config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(config))


def test_recogniser_that_is_itself_in_a_loss_is_marked(full: Corpus) -> None:
    write_asr_config(full, {"frontend": "default"})
    weights, other = full.root / "asr.pth", full.root / "other.pth"
    for number, path in enumerate((weights, other)):
        path.write_bytes(b"weights %d" % number)
    flags = full.root / "out/asr_char/flags"
    flags.write_text(f"--asr_train_config\nx\n--asr_model_file\n{weights}\n")
    for seed in (0, 1):
        loss = {"upstream": "espnet_asr_local", "path_or_url": str(weights)}
        path = full.exp("b", seed) / "config.yaml"
        path.write_text(yaml.safe_dump({"criterions": [{"name": "ssl", "conf": loss}]}))
    assert "WER ASR char test_en" in marked(full)
    full.config(full.exp("b", 0), OTHER)
    full.config(full.exp("b", 1), OTHER)
    assert "WER ASR char test_en" not in marked(full)


JUDGES = [probe, probe_of_before, distance, recogniser, fused_recogniser]


@pytest.mark.parametrize("judge", JUDGES, ids=lambda j: j.__name__)
@pytest.mark.parametrize("upstream", RELATIVES)
def test_judge_is_marked_by_its_upstream_and_by_a_relative(
    full: Corpus, judge, upstream
):
    column = judge(full, upstream)
    for loss, expected in (
        (upstream, True),
        (RELATIVES[upstream], True),
        (OTHER, False),
        (None, False),
    ):
        for seed in (0, 1):
            full.config(full.exp("b", seed), loss)
        assert (column in marked(full)) == expected, loss


@pytest.mark.parametrize("loss", ["whisper_tiny_en", "whisper_local", OTHER, None])
def test_recogniser_of_stage_8_is_marked_by_its_family(full: Corpus, loss):
    full.config(full.exp("b", 0), loss)
    column = "WER Whisper tiny.en test_en"
    assert (column in marked(full)) == bool(loss and loss.startswith("whisper"))


@pytest.mark.parametrize("loss", ["whisper_tiny_en", "whisper_local", OTHER])
def test_ablation_marks_its_rows_alike(corpus: Corpus, loss):
    for seed in (0, 1):
        corpus.config(corpus.exp("b", seed), loss)
    ssl = {"name": "ssl", "conf": {"upstream": loss}}
    snr = {"name": "snr", "conf": {}}
    settings = (
        Setting("g", "a", {"criterions": [snr]}),
        Setting("g", "b", {"criterions": [snr, ssl]}),
    )
    ablation = Ablation((), ("a",), settings)
    dump = corpus.root / "dump"
    scored = find_scored(ablation, corpus.root / "exp", ("0", "1"), dump, "test_en")
    test_set = read_scored_set(dump, "test_en", scored.systems)
    (values, _) = build_section(test_set, scored, ("a",)).tables
    marks = {
        (row[0].text, head.split(" (")[0].split(" ↓")[0])
        for row in values.rows
        for head, cell in zip(values.header, row, strict=True)
        if "‡" in cell.text
    }
    columns = (
        "SSL tiny§",
        *("capped WER Whisper tiny.en", "WER Whisper tiny.en"),
        *("insertions Whisper tiny.en", "repeated Whisper tiny.en"),
    )
    related = loss.startswith("whisper")
    assert marks == ({("b", column) for column in columns} if related else set())


def test_note_says_whether_it_is_the_model_or_its_family(full: Corpus):
    probe(full, "wavlm_base_plus")
    full.config(full.exp("b", 0), "wavlm_base_plus")
    notes = "".join(joint_table(read(full)).notes)
    assert "PR PER my_yaml: its upstream is in the loss of SE-SNR+SSL" in notes
    for seed in (0, 1):
        full.config(full.exp("b", seed), "wavlm_large")
    notes = "".join(joint_table(read(full)).notes)
    assert "PR PER my_yaml: a model of the family of its upstream is in the" in notes


def test_probe_on_the_file_of_the_loss_is_marked_whatever_it_is_called(full: Corpus):
    path = full.root / "x.pt"
    torch.save({}, path)
    column = probe(full, "customized_upstream", path_or_url=str(path))
    conf = {"upstream": "other_local", "path_or_url": str(path)}
    config = {"criterions": [{"name": "ssl", "conf": conf}]}
    (full.exp("b", 0) / "config.yaml").write_text(yaml.safe_dump(config))
    assert column in marked(full)


def test_losses_of_the_first_stage_count(tmp_path):
    for name, upstream, start in (
        ("first", "whisper_tiny_en", None),
        ("second", "fbank", "first"),
        ("third", None, "second"),
    ):
        losses = [{"name": "snr", "conf": {}}]
        if upstream:
            losses.append({"name": "ssl", "conf": {"upstream": upstream}})
        model = [f"{tmp_path / start}/valid.loss.ave.pth:encoder"] if start else []
        (tmp_path / name).mkdir()
        config = {"criterions": losses, "init_param": model}
        (tmp_path / name / "config.yaml").write_text(yaml.safe_dump(config))
    assert of_losses(tmp_path / "first") == {Upstream("whisper_tiny_en")}
    expected = {Upstream("whisper_tiny_en"), Upstream("fbank")}
    assert of_losses(tmp_path / "third") == expected
    with pytest.raises(UserError, match="train the system"):
        of_losses(tmp_path)


def test_head_whose_weights_a_loss_took_counts(tmp_path):
    head = tmp_path / "exp/superb/x/pr"
    head.mkdir(parents=True)
    identity = {"upstream": {"upstream": "wavlm_large", "checkpoint": None}}
    (head / "probe.json").write_text(json.dumps(identity))
    for path in (head, head / "s3prl/train/step_5/model/state_dict.pt"):
        conf = {"upstream": "data2vec", "layers": {"featurizer": str(path)}}
        assert list(of_conf(conf)) == [Upstream("data2vec"), Upstream("wavlm_large")]


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ({"frontend": "default", "encoder": "conformer"}, []),
        ({"frontend": None}, []),
        ({"encoder": "whisper", "encoder_conf": {"whisper_model": "small"}}, "small"),
        ({"frontend": "whisper"}, ["whisper"]),
        ({"encoder": "hubert"}, ["hubert"]),
        ({"encoder": "torchaudiohubert"}, ["hubert"]),
        ({"encoder": "wav2vec2"}, ["wav2vec2"]),
        ({"encoder": "avhubert"}, ["hubert"]),
    ],
)
def test_espnets_own_encoders_are_such_models_too(config, names):
    names = ["whisper_small"] if names == "small" else names
    assert [upstream.name for upstream in of_recogniser(config)] == names
