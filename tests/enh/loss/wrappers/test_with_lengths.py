import pytest
import torch
from espnet2.enh.loss.criterions.time_domain import SNRLoss
from espnet2.enh.loss.wrappers.fixed_order import FixedOrderSolver

from espnet2_ext.enh.loss.criterions.ssl import SSLLoss
from espnet2_ext.enh.loss.wrappers.with_lengths import FixedOrderWithLengthsSolver
from espnet2_ext.errors import UserError


@pytest.fixture
def criterion(checkpoints):
    return SSLLoss(
        upstream="wav2vec2_local", path_or_url=str(checkpoints["wav2vec2_local"])
    )


def test_agrees_with_espnets_solver_on_full_lengths(criterion, speech_like):
    ref, inf = [speech_like, speech_like * 0.5], [speech_like.flip(1)] * 2
    full = {"speech_lengths": torch.tensor([24000, 24000])}
    loss, stats, others = FixedOrderWithLengthsSolver(criterion)(ref, inf, full)
    want, want_stats, want_others = FixedOrderSolver(criterion)(ref, inf)
    torch.testing.assert_close(loss, want)
    assert stats.keys() == want_stats.keys() == {"ssl_loss", *criterion.stats}
    for key, value in stats.items():
        torch.testing.assert_close(value, want_stats[key])
    assert torch.equal(others["perm"], want_others["perm"])


def test_lengths_change_the_loss_of_a_padded_batch(criterion, speech_like):
    solver = FixedOrderWithLengthsSolver(criterion)
    inf = [speech_like.flip(1)]
    half = {"speech_lengths": torch.tensor([24000, 12000])}
    full = {"speech_lengths": torch.tensor([24000, 24000])}
    assert solver([speech_like], inf, half)[0] != solver([speech_like], inf, full)[0]


def test_criterion_without_lengths_is_refused():
    with pytest.raises(UserError, match="takes no lengths; use 'wrapper: fixed_order'"):
        FixedOrderWithLengthsSolver(SNRLoss())


def test_gradient_reaches_the_enhanced_speech_and_the_log_keeps_no_graph(
    criterion, speech_like
):
    ref = speech_like.clone().requires_grad_()
    inf = speech_like.flip(1).requires_grad_()
    lengths = {"speech_lengths": torch.tensor([24000, 24000])}
    loss, log, _ = FixedOrderWithLengthsSolver(criterion)([ref], [inf], lengths)
    loss.backward()
    assert inf.grad.abs().max() > 0
    assert ref.grad is None
    assert not any(value.requires_grad for value in log.values())
