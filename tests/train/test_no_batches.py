"""A training that gets no batch ends with the numbers that are too small."""

from __future__ import annotations

import argparse

import pytest
import yaml

from espnet2_ext.errors import UserError
from espnet2_ext.tasks.enh_ssl import SSLEnhancementTask
from espnet2_ext.train.no_batches import describe_batches
from tests.tasks.conftest import SMALL, SNR
from tests.tasks.test_enh_ssl import data as shared_data
from tests.tasks.test_enh_ssl import train_args

data = shared_data  # the fixture


def test_training_without_a_batch_is_refused_and_leaves_no_model(tmp_path, data):
    chunks = {"iterator_type": "chunk", "chunk_length": 500, "batch_size": 400}
    config = {**SMALL, "criterions": [SNR], **chunks, "num_cache_chunks": 1024}
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(config))
    words = train_args(data, tmp_path / "exp", tmp_path / "train.yaml")
    with pytest.raises(UserError) as caught:
        SSLEnhancementTask.main(cmd=list(map(str, words)))
    count = len((data / "speech_mix_shape").read_text().splitlines())
    message = str(caught.value)
    assert f"there are {count} utterances" in message
    assert "a batch needs 400 (batch_size)" in message
    assert not list((tmp_path / "exp").glob("*epoch.pth"))


CHUNK = {"iterator_type": "chunk", "batch_size": 8}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({**CHUNK, "chunk_length": 4000}, "about 2 chunks of 4000 samples"),
        ({**CHUNK, "chunk_length": "9000-9500,3000"}, "about 3 chunks of 3000 samples"),
        ({**CHUNK, "chunk_length": 20000}, "about 0 chunks of 20000 samples"),
        (
            {"iterator_type": "sequence", "batch_type": "unsorted", "batch_size": 9},
            "longest of 9999 samples; batch_type unsorted, batch_size 9",
        ),
    ],
)
def test_the_numbers_of_utterances_and_chunks_are_told(tmp_path, options, expected):
    shapes = tmp_path / "speech_mix_shape"
    shapes.write_text("a 9999\nb 2000,1\n")
    files = [str(shapes), str(shapes)]  # a file for each stream, the same utterances
    args = argparse.Namespace(train_shape_file=files, **options)
    assert expected in describe_batches(args)


def test_without_shapes_no_utterance_is_told(tmp_path):
    args = argparse.Namespace(train_shape_file=[str(tmp_path / "none")])
    assert describe_batches(args).endswith("and no utterance")
