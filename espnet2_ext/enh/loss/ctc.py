"""CTC to what a recogniser hears in the clean signal: no transcript, no alignment."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from espnet2_ext.batches import distance

BLANK = 0  # as in ESPnet


def greedy_labels(logits: Tensor, mask: Tensor) -> list[Tensor]:
    """Decode by the best token of each frame: repeats are one, blanks are none.

    Args:
        logits: (B, F, V).
        mask: valid frames, (B, F), bool.

    Returns:
        The tokens of each utterance, (N,).
    """
    best = logits.argmax(dim=-1)
    return [
        tokens[tokens != BLANK]
        for row, valid in zip(best, mask, strict=True)
        for tokens in (torch.unique_consecutive(row[valid]),)
    ]


@distance
def ctc(est: Tensor, ref: Tensor, mask: Tensor) -> Tensor:
    """-log p(labels of ref | est) / number of labels, p by CTC over logits (B, F, V).

    CTC (Graves et al., 2006, eq. 3) to the pseudo-labels that the same recogniser
    decodes greedily from the clean signal, as in the phoneme loss of open-universe
    (Scheibler et al., 2024, arXiv 2406.12194): blind to when a token is said, and to
    everything about speech but the tokens. >= 0, above 0 at identity; where the clean
    signal has no token, -log p of hearing none.

    >>> ref = torch.tensor([[[0.0, 9.0, 0.0], [9.0, 0.0, 0.0]]])  # token 1, then blank
    >>> mask = torch.tensor([[True, True]])
    >>> ctc(torch.zeros(1, 2, 3), ref, mask)  # 3 of 9 paths: 01, 10, 11
    tensor([1.0986])
    """
    labels = greedy_labels(ref, mask)
    counts = torch.tensor([len(tokens) for tokens in labels], device=est.device)
    values = F.ctc_loss(
        est.log_softmax(dim=-1).transpose(0, 1),
        pad_sequence(labels, batch_first=True),
        input_lengths=mask.sum(dim=1),
        target_lengths=counts,
        blank=BLANK,
        reduction="none",
    )
    return values / counts.clamp_min(1)
