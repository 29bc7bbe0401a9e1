"""CTC to pseudo-labels: against all paths, written out, and what it is blind to."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet2_ext.enh.loss.ctc import BLANK, ctc, greedy_labels
from espnet2_ext.enh.loss.ssl_distance import SSLDistance
from espnet2_ext.errors import UserError


def every(features):
    return torch.ones(features.shape[:2], dtype=torch.bool)


def logits_of(path, size=4, height=30.0):
    """Logits of one utterance that say ``path`` with certainty."""
    return height * torch.nn.functional.one_hot(torch.tensor([path]), size).double()


def collapse(path):
    return tuple(token for token, _ in itertools.groupby(path) if token != BLANK)


def by_all_paths(est, labels):
    """-log of the summed probability of all paths that collapse to the labels."""
    probabilities = est.softmax(-1).numpy()
    frames, size = probabilities.shape
    total = sum(
        np.prod([probabilities[t, token] for t, token in enumerate(path)])
        for path in itertools.product(range(size), repeat=frames)
        if collapse(path) == labels
    )
    return -np.log(total) / max(1, len(labels))


paths = st.lists(st.integers(0, 2), min_size=1, max_size=5)


@given(paths, st.integers(0, 2**16))
@settings(max_examples=40, deadline=None)
def test_agrees_with_the_sum_over_all_paths(path, seed):
    est = torch.randn(
        1,
        len(path),
        3,
        dtype=torch.double,
        generator=torch.Generator().manual_seed(seed),
    )
    found = ctc(est, logits_of(path, 3), every(est))
    expected = by_all_paths(est[0], collapse(path))
    assert found.item() == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_labels_are_what_is_left_of_the_best_path():
    path = [0, 2, 2, 0, 2, 1, 1, 0]
    assert greedy_labels(logits_of(path), every(logits_of(path)))[0].tolist() == [
        2,
        2,
        1,
    ]


def test_what_says_the_same_at_other_times_costs_nothing():
    ref = logits_of([0, 1, 1, 0, 2, 0, 0, 3])
    late, early = (
        logits_of([0, 0, 0, 1, 2, 3, 3, 0]),
        logits_of([1, 2, 3, 0, 0, 0, 0, 0]),
    )
    for est in (ref, late, early):
        assert ctc(est, ref, every(ref)).item() == pytest.approx(0, abs=1e-9)
    other = logits_of([0, 1, 1, 0, 2, 0, 0, 0])  # the last token is not said
    assert ctc(other, ref, every(ref)).item() > 5


def test_padding_counts_in_neither():
    ref, est = logits_of([1, 0, 2, 0]), torch.randn(1, 4, 4).double()
    alone = ctc(est, ref, every(ref))
    mask = torch.tensor([[True] * 4 + [False] * 3])
    junk = 50 * torch.randn(1, 3, 4).double()
    padded = ctc(torch.cat([est, junk], 1), torch.cat([ref, junk.flip(2)], 1), mask)
    torch.testing.assert_close(alone, padded)


def test_where_the_clean_signal_says_nothing_the_enhanced_has_to_be_silent():
    ref = logits_of([0, 0, 0])
    assert ctc(ref, ref, every(ref)).item() == pytest.approx(0, abs=1e-9)
    est = torch.zeros(1, 3, 4).double()
    assert ctc(est, ref, every(ref)).item() == pytest.approx(3 * np.log(4))


def test_gradient_is_the_slope():
    est = torch.randn(2, 5, 3, dtype=torch.double, requires_grad=True)
    ref = torch.cat([logits_of([1, 0, 2, 2, 0], 3), logits_of([0, 0, 0, 0, 0], 3)])
    assert torch.autograd.gradcheck(lambda x: ctc(x, ref, every(x)), (est,))


@pytest.mark.parametrize(
    "wrong", [{"normalize": "layer_norm"}, {"layers": "all"}, {"layers": [0, 1]}]
)
def test_what_are_no_logits_is_refused(wrong):
    settings_ = {"layers": "last", "distance": "ctc", **wrong}
    with pytest.raises(UserError, match=r"distance ctc: found layers .* layers: last"):
        SSLDistance("hubert_debian_small", **settings_)
