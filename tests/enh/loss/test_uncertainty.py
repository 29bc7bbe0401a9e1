"""Layers weighted by uncertainty: what it minimises, and what it remembers."""

import pytest
import torch

from espnet2_ext.enh.loss import smoothing
from espnet2_ext.enh.loss.uncertainty import SMOOTHING, LayerUncertainty


def distances(*rows):
    return {layer: torch.tensor(row) for layer, row in enumerate(rows, start=1)}


def test_value_is_kendalls_sum_at_the_best_uncertainty():
    found = LayerUncertainty()(distances([1.0, 3.0], [0.1, 0.3]), update=True)
    torch.testing.assert_close(
        found[1], torch.tensor([0.5, 1.5]) + torch.tensor(2.0).log()
    )
    torch.testing.assert_close(
        found[2], torch.tensor([0.5, 1.5]) + torch.tensor(0.2).log()
    )


def test_no_other_uncertainty_gives_a_lower_value():
    given = torch.rand(16, generator=torch.Generator().manual_seed(0)) + 0.1
    ours = LayerUncertainty()({1: given}, update=True)[1].mean()
    s = torch.zeros((), requires_grad=True)  # learned by descent, as Kendall et al. do
    for _ in range(300):
        (gradient,) = torch.autograd.grad((-s).exp() * given.mean() + s, s)
        s = (s - 0.1 * gradient).detach().requires_grad_()
    learned = (-s).exp() * given.mean() + s
    torch.testing.assert_close(ours, learned, rtol=1e-4, atol=1e-5)


def test_gradient_of_a_layer_does_not_depend_on_its_scale():
    values = torch.tensor([1.0, 2.0], requires_grad=True)
    for scale in (1e-3, 1.0, 1e3):
        found = LayerUncertainty()({1: scale * values}, update=True)[1].mean()
        (gradient,) = torch.autograd.grad(found, values)
        torch.testing.assert_close(gradient, torch.full((2,), 1 / 3))


def test_no_graph_of_a_step_is_kept():
    weights = LayerUncertainty()
    weights({1: torch.ones(2, requires_grad=True)}, update=True)
    assert not weights.expected.value.requires_grad


def test_expectation_follows_the_training_smoothly():
    weights = LayerUncertainty()
    weights(distances([2.0]), update=True)
    weights(distances([4.0]), update=True)
    expected = SMOOTHING * 2.0 + (1 - SMOOTHING) * 4.0
    assert weights.expected.value[0].item() == pytest.approx(expected)


def test_evaluation_changes_nothing_and_takes_what_training_expects():
    weights = LayerUncertainty()
    alone = weights(distances([4.0]), update=False)
    torch.testing.assert_close(alone[1], 1 + torch.tensor([4.0]).log())
    assert weights.expected.value is None
    weights(distances([2.0]), update=True)
    found = weights(distances([4.0]), update=False)
    torch.testing.assert_close(found[1], 2 + torch.tensor([2.0]).log())
    assert weights.expected.value[0].item() == 2.0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_step_that_is_not_finite_is_not_remembered(value):
    weights = LayerUncertainty()
    weights(distances([2.0], [1.0]), update=True)
    weights(distances([value], [5.0]), update=True)
    assert weights.expected.value.tolist() == [2.0, 1.0]


def test_distance_of_zero_is_finite():
    given = torch.zeros(2, requires_grad=True)
    found = LayerUncertainty()({1: given}, update=True)[1]
    (gradient,) = torch.autograd.grad(found.sum(), given)
    assert found.isfinite().all()
    assert gradient.isfinite().all()


def test_expectation_is_that_of_all_processes(monkeypatch):
    other = torch.tensor([12.0, 0.3, 3.0])  # sums of 3 utterances
    monkeypatch.setattr(smoothing, "sum_over_processes", lambda values: values + other)
    weights = LayerUncertainty()
    weights(distances([1.0, 5.0], [0.1, 0.5]), update=True)
    assert weights.expected.value[0].item() == pytest.approx(18 / 5)
    assert weights.expected.value[1].item() == pytest.approx(0.9 / 5)


def test_evaluation_does_not_wait_for_other_processes(monkeypatch):
    def refuse(values):
        raise AssertionError("a process that evaluates alone would wait for ever")

    monkeypatch.setattr(smoothing, "sum_over_processes", refuse)
    LayerUncertainty()(distances([1.0]), update=False)
