"""The corpora in miniature, and what the command line makes of them."""

import csv
import functools
import itertools
import os

import pytest

from espnet2_ext.bin import prepare_superb
from espnet2_ext.errors import UserError
from espnet2_ext.superb.corpora.registry import TASK2CORPUS
from tests.superb.corpora import miniature


@pytest.fixture(scope="session")
def recordings(tmp_path_factory):
    """Beginnings of real prompts, (T,) at 16 kHz."""
    folder = os.environ.get("DEBIAN_SPEECH") or tmp_path_factory.mktemp("debian")
    return miniature.real_speech(folder)


@pytest.fixture
def corpus(recordings, tmp_path):
    """Write a corpus in miniature: ``corpus("snips")`` gives its folder."""
    speech = itertools.cycle(recordings)

    @functools.cache
    def write(name):
        getattr(miniature, name)(tmp_path / name, speech)
        return tmp_path / name

    return write


@pytest.fixture
def manifests(corpus, tmp_path):
    """Parse a corpus in miniature by the command line: {split: rows as text}."""

    def parse(task, *words, root=None):
        folder = root or corpus(TASK2CORPUS[task])
        out = tmp_path / "superb"
        words = ["--task", task, "--corpus_dir", folder, "--out_dir", out, *words]
        prepare_superb.main([str(word) for word in words])
        return {path.stem: read_csv(path) for path in (out / task).glob("*.csv")}

    return parse


def read_csv(path):
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def refusal(manifests):
    """Parse a damaged corpus and give the message; nothing may be written."""

    def parse(task, *words, root=None):
        with pytest.raises(UserError) as error:
            manifests(task, *words, root=root)
        return str(error.value)

    return parse
