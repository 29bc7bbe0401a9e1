"""The SSL loss for any PyTorch training loop; ESPnet is not needed."""

from __future__ import annotations

import torch
from torch import Tensor

from espnet2_ext.enh.loss.functional import (
    DISTANCES,
    NORMALIZATIONS,
    feature_distance,
    frame_mask,
)
from espnet2_ext.errors import unknown_name
from espnet2_ext.ssl.layers import Layer
from espnet2_ext.ssl.upstream import Features, FrozenUpstream


class SSLDistance:
    """Distance between clean and enhanced speech in the features of an SSL model.

    ``L_SSL = sum_l w_l * mean_{t valid, d} dist(phi_l(est)[t,d], sg(phi_l(ref))[t,d])``
    with the weights summing to 1 (Sato et al., Interspeech 2023; exact layers and
    weights of the paper are not known to us, so each is an argument here).

    Args:
        upstream, path_or_url, download_dir, extra_conf, fs: see ``FrozenUpstream``.
        layers: which layers, see ``espnet2_ext.ssl.layers``.
        distance: mse, l1, smooth_l1, cosine or relative_l2.
        normalize: none, layer_norm or l2, applied to each frame's features.

    Raises:
        UserError: on an unknown name or a malformed specification.
    """

    def __init__(
        self,
        upstream: str,
        path_or_url: str | None = None,
        download_dir: str | None = None,
        extra_conf: dict | None = None,
        layers: object = "later_half",
        distance: str = "mse",
        normalize: str = "none",
        fs: int = 16000,
    ) -> None:
        if distance not in DISTANCES:
            raise unknown_name("distance", distance, DISTANCES)
        if normalize not in NORMALIZATIONS:
            raise unknown_name("normalize", normalize, NORMALIZATIONS)
        self.distance, self.normalize = distance, normalize
        self.upstream = FrozenUpstream(
            upstream, path_or_url, download_dir, extra_conf, layers, fs
        )

    def __call__(
        self, est: Tensor, ref: Tensor, lengths: Tensor | None = None
    ) -> Tensor:
        """Compute the loss of each utterance.

        Args:
            est: enhanced speech, (B, T); the gradient flows here, and only here.
            ref: clean speech, (B, T).
            lengths: valid samples of both, (B,); None means all T.

        Returns:
            (B,), >= 0, zero where ``est`` equals ``ref``.
        """
        return self.weighted(self.per_layer(est, ref, lengths))

    def weighted(self, per_layer: dict[Layer, Tensor]) -> Tensor:
        """Average (B,) distances over layers with their weights."""
        weights = self.upstream.weights
        return torch.stack([weights[n] * d for n, d in per_layer.items()]).sum(dim=0)

    def per_layer(
        self, est: Tensor, ref: Tensor, lengths: Tensor | None = None
    ) -> dict[Layer, Tensor]:
        """Compute the unweighted distance of every layer in use, (B,) each."""
        with torch.no_grad():
            clean: Features = self.upstream(ref, lengths)
        enhanced = self.upstream(est, lengths)
        distances = {}
        for layer, features in enhanced.layers.items():
            mask = frame_mask(enhanced.lengths, features.size(1))
            distances[layer] = feature_distance(
                features, clean.layers[layer], mask, self.distance, self.normalize
            )
        return distances
