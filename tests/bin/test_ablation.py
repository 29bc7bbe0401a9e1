"""The two commands: configurations and options in, tables out."""

import json

import pytest
import yaml

from espnet2_ext.bin.ablation import main
from espnet2_ext.errors import UserError
from tests.report.conftest import Corpus
from tests.tasks.conftest import SMALL, SNR

SETTINGS = """
base: base.yaml
ssl: ssl.yaml
score: [ssl.yaml]
compare: [a]
settings:
    reference: {a: []}
    layers: {b: {layers: last}, c: {layers: 1}}
"""


@pytest.fixture
def corpus(tmp_path, monkeypatch, checkpoints):
    """Scores of the settings a and b with two seeds, in the directory of a recipe."""
    monkeypatch.chdir(tmp_path)
    path = str(checkpoints["wavlm_local"])
    fragment = {
        "name": "ssl",
        "conf": {"upstream": "wavlm_local", "path_or_url": path},
        "wrapper": "fixed_order_with_lengths",
        "wrapper_conf": {"weight": 10.0},
    }
    base = {**SMALL, "criterions": [SNR]}
    for name, content in (("base", base), ("ssl", fragment)):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(content))
    (tmp_path / "ablation.yaml").write_text(SETTINGS)
    return Corpus(tmp_path)


def expand(*words):
    main(["expand", "--ablation", "ablation.yaml", "--expdir", "exp", *words])


def table(seeds="0 1"):
    main(
        [
            *("table", "--ablation", "ablation.yaml", "--expdir", "exp"),
            *("--seeds", seeds, "--dumpdir", "dump", "--test_set", "test_en"),
        ]
    )


def test_options_name_what_was_written(corpus):
    expand("--only", "b")
    assert (corpus.root / "exp/options").read_text().splitlines() == [
        *("--enh_config", "exp/conf/a.yaml exp/conf/b.yaml"),
        *("--enh_label", "a b"),
        *("--enh_exp", "exp/a exp/b"),
        *("--ssl_conf", "ssl.yaml"),
    ]
    written = yaml.safe_load((corpus.root / "exp/conf/b.yaml").read_text())
    assert written["criterions"][1]["conf"]["layers"] == "last"
    assert not (corpus.root / "exp/conf/c.yaml").exists()


def test_the_same_settings_give_the_same_bytes(corpus):
    expand()
    before = (corpus.root / "exp/conf/b.yaml").read_bytes()
    text = SETTINGS.replace(
        "{b: {layers: last}, c: {layers: 1}}", "{b: {layers: last}}"
    )
    (corpus.root / "ablation.yaml").write_text(text + "    new: {d: {layers: 2}}\n")
    expand()
    assert (corpus.root / "exp/conf/b.yaml").read_bytes() == before


def test_nothing_is_written_where_one_setting_is_wrong(corpus):
    (corpus.root / "ablation.yaml").write_text(
        SETTINGS.replace("layers: 1", "layers: 99")
    )
    with pytest.raises(UserError, match=r"c: .*layer 99 is out of range"):
        expand()
    assert not (corpus.root / "exp/options").exists()


def test_table_says_how_it_was_made_and_what_is_missing(corpus, capsys):
    expand()
    for label in "ab":
        config = (corpus.root / f"exp/conf/{label}.yaml").read_text()
        for seed in (0, 1):
            (corpus.exp(label, seed) / "config.yaml").write_text(config)
    table()
    text = (corpus.root / "exp/RESULTS.md").read_text()
    assert "python -m espnet2_ext.bin.ablation table --ablation ablation.yaml" in text
    assert "- **left out, not scored with every seed: c**" in text
    assert "### test_en: difference to a" in text
    assert "| b       | layers    |" in text
    assert "test_en: all settings" in capsys.readouterr().out
    records = map(json.loads, (corpus.root / "exp/results.jsonl").open())
    found = {(r["system"], r["seed"]) for r in records if r["metric"] == "SI_SNR"}
    assert found == {("noisy", None), *((x, seed) for x in "ab" for seed in (0, 1))}


def test_no_seeds_are_refused(corpus):
    with pytest.raises(UserError, match="--seeds is empty"):
        table(seeds="")
