"""Two scores on the features of an SSL model: the loss itself, and SpeechBERTScore."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from espnet2_ext.fileio.audio import RATE, resample
from espnet2_ext.metrics.quantity import SBS_PREFIX, SSL_PREFIX

# of the softened maximum, which so is within 0.001 of the maximum itself
COLD = 1e-4


class SSLScores:
    """Scores an estimate in the feature space of a criterion ``name: ssl``.

    Args:
        stem: of the criterion's YAML; names the scores.
        conf: the criterion's ``conf``: distance, upstream and layers.

    Raises:
        UserError: if the upstream cannot be loaded.
    """

    def __init__(self, stem: str, conf: Mapping[str, Any]) -> None:
        from espnet2_ext.enh.loss.conf import read_conf
        from espnet2_ext.enh.loss.functional import NONE, FeatureDistance

        self.stem = stem
        _, self._measure = read_conf(conf)
        self._measure.load()
        self._bert_score = FeatureDistance(
            {"name": "speech_bert_score", "temperature": COLD}, NONE
        )

    def __call__(self, est: np.ndarray, ref: np.ndarray, fs: int) -> dict[str, float]:
        """Compute both scores.

        Args:
            est: estimate, (T,).
            ref: reference, (T,).
            fs: rate in Hz; resampled to 16 kHz.

        Returns:
            ``SSL_<stem>``: the distance of the criterion, without its weight;
            ``SBS_<stem>``: precision of SpeechBERTScore (Saeki et al., 2024, arXiv
            2401.16812), mean over the criterion's layers, at most 1.
        """
        import torch

        from espnet2_ext.enh.loss.ssl_distance import LayerDistances, compare_layers

        measure = self._measure
        with torch.no_grad():
            enhanced, clean = (
                measure.upstream(torch.from_numpy(resample(wav, fs, RATE)[None]))
                for wav in (est, ref)
            )
            distances = compare_layers(measure.compare, enhanced, clean)
            similar = compare_layers(self._bert_score, enhanced, clean)
        weights = measure.upstream.weights
        return {
            SSL_PREFIX + self.stem: float(
                measure.weighted(LayerDistances(distances, training=False))
            ),
            SBS_PREFIX + self.stem: 1
            - sum(weights[layer] * float(found) for layer, found in similar.items()),
        }
