"""Balancing: closed forms, what holds for any gradient, and what is refused."""

import pytest
import torch

from espnet2_ext.enh.loss.balance import (
    Balance,
    Balanced,
    add_balanced,
    gradient_of,
    project,
    utterance_norms,
)
from espnet2_ext.errors import UserError


@pytest.fixture
def gradients():
    """Return two random gradients, (B, N) = (6, 40)."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 6, 40, generator=generator).unbind()


def test_norm_is_that_of_the_utterance_alone():
    wave = torch.tensor([[3.0, 4.0], [0.0, 1.0]], requires_grad=True)
    gradient = gradient_of(wave.square().sum(dim=1).mean() / 2, [wave])
    torch.testing.assert_close(utterance_norms(gradient), torch.tensor([5.0, 1.0]))


def test_projection_in_closed_form():
    g = torch.tensor([[1.0, -1.0], [1.0, 1.0], [2.0, 3.0]])
    h = torch.tensor([[0.0, 2.0], [0.0, 2.0], [0.0, 0.0]])
    expected = torch.tensor([[1.0, 0.0], [1.0, 1.0], [2.0, 3.0]])
    torch.testing.assert_close(project(g, h), expected)


def test_projection_never_conflicts_and_changes_nothing_else(gradients):
    g, h = gradients
    projected = project(g, h)
    before, after = ((x * h).sum(dim=1) for x in (g, projected))
    assert (after > -1e-4).all()
    conflict = before < 0
    assert 0 < conflict.sum() < len(g)
    assert torch.equal(projected[~conflict], g[~conflict])
    torch.testing.assert_close(after[conflict], torch.zeros(int(conflict.sum())))
    torch.testing.assert_close(project(projected, h), projected)
    torch.testing.assert_close(project(3 * g, h), 3 * projected)
    for scale in (1e-30, 1e30):  # only the direction of h counts
        torch.testing.assert_close(project(g, scale * h), projected)


@pytest.mark.parametrize("rule", ["gradient_norm", "projection"])
def test_an_utterance_is_sent_the_same_whatever_its_batch(gradients, rule):
    g, h = gradients
    h = 0.5 * h / h.norm(dim=1, keepdim=True)  # equal norms: the same mean in each
    g = g / g.norm(dim=1, keepdim=True)
    together = Balance(rule).send(h / 6, g / 6)
    alone = [Balance(rule).send(h[i : i + 1], g[i : i + 1]) for i in range(6)]
    torch.testing.assert_close(6 * together, torch.cat(alone))


def test_alpha_makes_the_norms_equal_to_the_ratio(gradients):
    signal, ssl = gradients
    for scale in (1e-6, 1.0, 1e6):
        balance = Balance("gradient_norm", ratio=0.3, smoothing=0.0)
        sent = balance.send(signal, scale * ssl)
        norms = utterance_norms(sent).mean() / utterance_norms(signal).mean()
        torch.testing.assert_close(norms, torch.tensor(0.3))
        torch.testing.assert_close(sent, balance.alpha * scale * ssl)


def test_smoothing_is_exponential_over_each_norm():
    balance = Balance("gradient_norm", weight=7.0, smoothing=0.75)
    assert balance.alpha == 7.0  # until the first step
    one = torch.ones(1, 1)
    balance.send(4 * one, 2 * one)
    assert balance.alpha == pytest.approx(2.0)  # the past begins with it
    balance.send(8 * one, one)
    assert balance.alpha == pytest.approx((0.75 * 4 + 0.25 * 8) / (0.75 * 2 + 0.25 * 1))


def test_steps_without_a_finite_norm_do_not_count():
    balance = Balance("gradient_norm", weight=7.0)
    one = torch.ones(1, 1)
    balance.send(one, float("nan") * one)
    assert balance.alpha == 7.0
    balance.send(one, 0 * one)  # no gradient to divide by
    assert balance.alpha == 7.0
    balance.send(one, one)
    kept = balance.alpha
    balance.send(float("inf") * one, one)
    assert balance.alpha == kept
    assert kept == pytest.approx(20.0)  # one of twenty steps had an SSL gradient


def two_speakers():
    generator = torch.Generator().manual_seed(3)
    parameter = torch.randn(2, 3, 8, generator=generator).requires_grad_()
    enhanced = [2 * speech for speech in parameter.unbind()]
    return parameter, enhanced


def losses(enhanced):
    first, second = enhanced
    return first.square().mean() + second.mean(), (first * second).mean()


def test_value_and_gradient_are_those_of_the_weighted_sum():
    parameter, enhanced = two_speakers()
    signal, ssl = losses(enhanced)
    waiting = Balanced("ssl_loss", Balance("fixed", 3.0), ssl)
    loss, log = add_balanced(signal, enhanced, [waiting])
    plain = signal + 3 * ssl
    torch.testing.assert_close(loss, plain)
    (expected,) = torch.autograd.grad(plain, parameter, retain_graph=True)
    (found,) = torch.autograd.grad(loss, parameter)
    torch.testing.assert_close(found, expected)
    assert sorted(log) == [
        "signal_gradient_norm",
        "ssl_loss_alpha",
        "ssl_loss_gradient_cosine",
        "ssl_loss_gradient_norm",
    ]
    assert not any(value.requires_grad for value in log.values())


def test_projected_loss_shows_its_full_value_and_sends_less():
    parameter, enhanced = two_speakers()
    signal = enhanced[0].sum() + enhanced[1].sum()
    waiting = Balanced("ssl_loss", Balance("projection", 2.0), -0.5 * signal)
    loss, log = add_balanced(signal, enhanced, [waiting])
    torch.testing.assert_close(loss, torch.zeros(()), atol=1e-5, rtol=0)
    loss.backward()
    torch.testing.assert_close(parameter.grad, torch.full_like(parameter, 2.0))
    torch.testing.assert_close(log["ssl_loss_gradient_cosine"], torch.tensor(-1.0))


def test_losses_that_share_a_graph_are_balanced_one_by_one():
    _, enhanced = two_speakers()
    signal, ssl = losses(enhanced)
    again = Balance("gradient_norm", smoothing=0.0)
    pair = [
        Balanced("a", Balance("gradient_norm", smoothing=0.0), ssl),
        Balanced("b", again, 2 * ssl),
    ]
    _, log = add_balanced(signal, enhanced, pair)
    torch.testing.assert_close(log["a_alpha"], 2 * log["b_alpha"])


def test_signal_loss_that_does_not_see_the_waveform_has_no_gradient():
    parameter, enhanced = two_speakers()
    _, ssl = losses(enhanced)
    waiting = Balanced("ssl_loss", Balance("projection"), ssl)
    _, log = add_balanced(parameter.sum(), enhanced, [waiting])
    assert log["signal_gradient_norm"] == 0
    assert log["ssl_loss_gradient_cosine"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rule": "gradient"}, "Unknown balance 'gradient'.*Did you mean 'gradient_n"),
        ({"rule": "gradient_norm", "ratio": 0}, "ratio must be .*> 0, found 0"),
        ({"rule": "gradient_norm", "ratio": "1"}, "ratio must be .*found '1'"),
        (
            {"rule": "gradient_norm", "smoothing": 1.0},
            "smoothing must be .*< 1, found 1.0",
        ),
        (
            {"rule": "gradient_norm", "smoothing": None},
            "smoothing must be .*found None",
        ),
        ({"ratio": 2.0}, "ratio or smoothing with 'balance: fixed'"),
        ({"rule": "projection", "smoothing": 0.5}, "with 'balance: projection'"),
    ],
)
def test_what_has_no_meaning_is_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        Balance(**arguments)
