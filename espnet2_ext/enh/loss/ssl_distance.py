"""The SSL loss for any PyTorch training loop; ESPnet is not needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from espnet2_ext.batches import check_lengths, check_pair
from espnet2_ext.checks import UPSTREAM_FS, whole_number
from espnet2_ext.enh.loss.draws import Draws
from espnet2_ext.enh.loss.functional import MSE, NONE, FeatureDistance
from espnet2_ext.enh.loss.normalization import Moments
from espnet2_ext.enh.loss.uncertainty import LayerUncertainty
from espnet2_ext.errors import UserError
from espnet2_ext.ssl.layers import Layer
from espnet2_ext.ssl.spec import UpstreamSpec
from espnet2_ext.ssl.upstream import Features, FrozenUpstream
from espnet2_ext.torch_utils.frames import frame_mask

MOST_PADDING = 1500  # frames; 30 s with most upstreams


class LayerDistances(NamedTuple):
    """The unweighted distance of each layer, and whether this is a training step."""

    layers: dict[Layer, Tensor]  # (B,) each
    training: bool


def compare_layers(
    compare: FeatureDistance, est: Features, ref: Features, update: bool = False
) -> dict[Layer, Tensor]:
    """Compute the distance of every layer, (B,) each, as far as the frames are valid.

    Args:
        compare: the distance.
        est, ref: features of enhanced and clean speech.
        update: whether running statistics of ``compare`` learn from the reference.
    """
    return {
        layer: compare(
            features,
            ref.layers[layer],
            frame_mask(est.lengths, features.size(1)),
            layer,
            update=update,
        )
        for layer, features in est.layers.items()
    }


class SSLDistance:
    """Distance between clean and enhanced speech in the features of an SSL model.

    ``L_SSL = sum_l w_l * mean_{t valid, d} dist(phi_l(est)[t,d], sg(phi_l(ref))[t,d])``
    with the weights summing to 1 (Sato et al., Interspeech 2023; exact layers and
    weights of the paper are not known to us, so each is an argument here).

    A call is a training step where a gradient of ``est`` is wanted, and an evaluation
    under ``no_grad``: ``normalize="running"`` and ``layers={"uncertainty": ...}``
    learn, ``layers={"random": ...}`` draws and ``pad_reference`` pads in training
    steps only. What is learnt is in ``state_dict()``: keep it with your checkpoint.
    Draws have a stream of their own, seeded from torch's (``Draws``).

    Args:
        upstream: a name, or an ``UpstreamSpec`` where more than a name is to be said.
        layers: which layers, see ``espnet2_ext.ssl.layers``.
        distance: a key of ``DISTANCES``, or ``{name: key, parameter: value}``.
        normalize: none, layer_norm, l2 or running; see ``NORMALIZATIONS``.
        fs: sampling rate of the waveforms in Hz; see ``FrozenUpstream``.
        activation_checkpointing: for large upstreams; see ``FrozenUpstream``.
        pad_reference: the most frames of silence to put before the reference, 1500 or
            less; 0 for none. Features of an SSL model carry their position, which a
            loss can use instead of the speech. So, as in SSL-MSE-PAD (Meghanani &
            Hain, 2026, arXiv 2601.21084), the reference of a training step is
            zero-padded by a random multiple of the hop, here 1 to ``pad_reference``
            frames (the paper's 2 to 5 % of an utterance), and frame t is compared with
            the frame of the same speech. Not zero at identity then.

    Raises:
        UserError: on an unknown name, a malformed specification, or settings that do
            not fit each other.
    """

    def __init__(
        self,
        upstream: str | UpstreamSpec,
        *,
        layers: object = "later_half",
        distance: object = MSE,
        normalize: str = NONE,
        fs: int = UPSTREAM_FS,
        activation_checkpointing: bool = False,
        pad_reference: int = 0,
    ) -> None:
        self.distance, self.normalize = distance, normalize
        self.pad_reference = whole_number(
            "pad_reference", pad_reference, 0, MOST_PADDING, "number of frames"
        )
        self.compare = FeatureDistance(distance, normalize)
        self.upstream = FrozenUpstream(
            upstream,
            layers=layers,
            fs=fs,
            activation_checkpointing=activation_checkpointing,
        )
        self.uncertainty = LayerUncertainty()
        self.draws = Draws()
        name = distance["name"] if isinstance(distance, Mapping) else distance
        if name == "unit_cross_entropy" and not self.upstream.layers.is_single:
            raise UserError(
                f"distance unit_cross_entropy: layers is {layers!r}, but centroids "
                "belong to one layer; name it (6, last or conv), or write one loss "
                "for each."
            )
        if name == "ctc" and (normalize != NONE or not self.upstream.layers.is_single):
            raise UserError(
                f"distance ctc: found layers {layers!r} and normalize {normalize!r}; "
                "expected the one layer that has the logits of a CTC, as it is: "
                "upstream: espnet_asr_local, layers: last, normalize: none."
            )

    def load(self) -> SSLDistance:
        """Load the upstream now, and check what only it can tell.

        Raises:
            UserError: see ``FrozenUpstream.load``; if ``pad_reference`` is wanted and
                a frame is no whole number of samples.
        """
        self.upstream.load()
        if self.pad_reference:
            _ = self.upstream.hop
        return self

    def state_dict(self) -> dict[str, Any]:
        """Give what steps have changed: running statistics, uncertainties, draws.

        An empty dict where the settings learn and draw nothing.
        """
        state: dict[str, Any] = {}
        if self.upstream.layers.random is not None or self.pad_reference:
            state["draws"] = self.draws.state_dict()
        if self.compare.running is not None:
            moments = self.compare.running.moments
            state["moments"] = {layer: tuple(known) for layer, known in moments.items()}
        if self.upstream.layers.uncertain:
            state["uncertainty"] = self.uncertainty.expected.value
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with what ``state_dict`` gave; what the settings do not use is left."""
        if "draws" in state:
            self.draws.load_state_dict(state["draws"])
        if self.compare.running is not None and "moments" in state:
            self.compare.running.moments = {
                layer: Moments(*known) for layer, known in state["moments"].items()
            }
        if self.upstream.layers.uncertain and "uncertainty" in state:
            self.uncertainty.expected.value = state["uncertainty"]

    def __call__(
        self, est: Tensor, ref: Tensor, lengths: Tensor | None = None
    ) -> Tensor:
        """Compute the loss of each utterance.

        Args:
            est: enhanced speech, (B, T), full scale 1.0, of any floating type; the
                gradient flows here, and only here, in the type of ``est``.
            ref: clean speech, (B, T).
            lengths: valid samples of both, (B,); None means all T.

        Returns:
            (B,), float32, zero where ``est`` equals ``ref`` unless distance or layers
            say otherwise; NaN for an utterance with samples that are not finite.

        Raises:
            ValueError: if shapes, types or devices do not fit; see ``batches``.
        """
        return self.weighted(self.per_layer(est, ref, lengths))

    def weighted(self, found: LayerDistances) -> Tensor:
        """Average what ``per_layer`` found over the layers with their weights, (B,).

        Where some layers only were drawn, they stand for all: weights times L / k, so
        that the mean over draws is the loss of all L layers.
        """
        weights, distances = self.upstream.weights, found.layers
        if self.upstream.layers.uncertain:
            distances = self.uncertainty(distances, update=found.training)
        scale = len(weights) / len(distances)
        terms = [scale * weights[n] * d for n, d in distances.items()]
        return torch.stack(terms).sum(dim=0)

    def per_layer(
        self, est: Tensor, ref: Tensor, lengths: Tensor | None = None
    ) -> LayerDistances:
        """Compute the unweighted distance of every layer in use.

        In a training step with random layers: of those drawn. Arguments and errors as
        in ``__call__``.
        """
        est, ref = check_pair(est, ref)
        lengths = None if lengths is None else check_lengths(lengths, est)
        training = torch.is_grad_enabled() and est.requires_grad
        weights, layers = self.upstream.weights, None
        if training and self.upstream.layers.random is not None:
            layers = self.upstream.layers.draw(weights, self.draws.generator)
        with torch.no_grad():
            clean = self._clean(ref, lengths, layers, self._draw_shift(training))
        enhanced = self.upstream(est, lengths, layers)
        distances = compare_layers(self.compare, enhanced, clean, update=training)
        return LayerDistances(distances, training)

    def _draw_shift(self, training: bool) -> int:
        if not (training and self.pad_reference):
            return 0
        return self.draws.integer(1, self.pad_reference)

    def _clean(
        self,
        ref: Tensor,
        lengths: Tensor | None,
        layers: list[Layer] | None,
        shift: int,
    ) -> Features:
        """Compute features of the reference as heard ``shift`` frames later."""
        if shift == 0:
            return self.upstream(ref, lengths, layers)
        samples = shift * self.upstream.hop
        later = None if lengths is None else lengths + samples
        clean = self.upstream(F.pad(ref, (samples, 0)), later, layers)
        aligned = {layer: state[:, shift:] for layer, state in clean.layers.items()}
        return Features(aligned, clean.lengths - shift)
