"""The table of corpora, and what holds for all of them."""

import re

import pytest

from espnet2_ext.corpora.noise import NOISE_CORPORA
from espnet2_ext.errors import UserError
from espnet2_ext.superb.corpora.build import build_splits
from espnet2_ext.superb.corpora.registry import (
    CORPORA,
    TASK2CORPUS,
    Options,
    corpus_of,
)
from espnet2_ext.superb.tasks import TASKS
from tests.conftest import ROOT

LIGHT = ("asr", "ks", "ic", "sid", "asv", "er")  # sf and sd import much


def test_every_superb_task_has_one_corpus():
    assert set(TASK2CORPUS) == set(TASKS) - {"lid"}
    assert sum(len(corpus.tasks) for corpus in CORPORA.values()) == 9


def test_every_corpus_stands_in_db_sh_with_its_variable():
    text = (ROOT / "egs2/TEMPLATE/enh_ssl1/db.sh").read_text()
    variables = set(re.findall(r"^([A-Z0-9_]+)=", text, flags=re.M))
    corpora = [*CORPORA.values(), *(noise.corpus for noise in NOISE_CORPORA.values())]
    assert {corpus.variable for corpus in corpora} <= variables


@pytest.mark.parametrize("task", LIGHT)
def test_columns_are_those_of_the_task_in_order(task, manifests):
    for split, rows in manifests(task).items():
        columns = TASKS[task].columns_of(split)
        extra = TASKS[task].optional if task == "ks" else ()
        assert tuple(rows[0]) == (*columns, *extra), split


@pytest.mark.parametrize("task", LIGHT)
def test_audio_is_there_and_ids_are_unique(task, manifests):
    import soundfile

    for split, rows in manifests(task).items():
        for column in TASKS[task].audio_columns(split):
            assert all(soundfile.info(row[column]).frames for row in rows)
        if "id" in rows[0]:
            assert len({row["id"] for row in rows}) == len(rows)


@pytest.mark.parametrize("task", sorted(TASK2CORPUS))
def test_absent_corpus_names_its_variable_its_layout_and_its_source(task, tmp_path):
    corpus = corpus_of(task)
    for root in ("", tmp_path / "nowhere"):
        with pytest.raises(UserError) as error:
            build_splits(task, root, Options())
        for text in (corpus.variable, corpus.title, corpus.source, *corpus.layout):
            assert text in str(error.value)


@pytest.mark.parametrize("task", sorted(set(TASK2CORPUS) - {"pr"}))
def test_empty_folder_lists_several_missing_pieces(task, tmp_path):
    with pytest.raises(UserError, match=r"has \d+ problems") as error:
        build_splits(task, tmp_path, Options())
    assert str(error.value).count("found no") >= 2
    assert corpus_of(task).variable in str(error.value)


def test_second_run_writes_the_same_bytes(manifests, tmp_path):
    manifests("asr")
    before = {x: x.read_bytes() for x in (tmp_path / "superb/asr").iterdir()}
    assert len(before) == 3
    manifests("asr")
    assert {x: x.read_bytes() for x in (tmp_path / "superb/asr").iterdir()} == before


def test_damaged_corpus_leaves_earlier_manifests_alone(manifests, corpus, tmp_path):
    manifests("asr")
    before = {x: x.read_bytes() for x in (tmp_path / "superb/asr").iterdir()}
    (corpus("librispeech") / "SPEAKERS.TXT").unlink()
    with pytest.raises(UserError, match=r"SPEAKERS\.TXT"):
        manifests("asr")
    assert {x: x.read_bytes() for x in (tmp_path / "superb/asr").iterdir()} == before


@pytest.mark.parametrize(
    "words", [("--fold", 5), ("--oov", "x"), ("--num_jobs", 0)], ids=lambda w: w[0]
)
def test_impossible_option_is_named(words, refusal):
    assert f"found {words[0]} {words[1]}; expected" in refusal("er", *words)
