"""Checks of batches of waveforms and features.

Shapes: B utterances, T samples, F frames, D features. Every error is a ``ValueError``
with what was found and what was expected. Non-finite values are no error here: the loss
is NaN then, and the training names the utterances.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

SINGLE = torch.float32


def check_waveforms(name: str, wav: object) -> Tensor:
    """Check floating-point waveforms (B, T), B and T at least 1.

    Raises:
        ValueError: if they are something else.
    """
    if not isinstance(wav, Tensor):
        raise ValueError(
            f"{name}: expected waveforms (B, T) as a torch.Tensor, found "
            f"{type(wav).__name__}; torch.as_tensor makes one of an array"
        )
    shape = tuple(wav.shape)
    if wav.dim() != 2:
        advice = {
            1: "; make a batch of one with unsqueeze(0)",
            3: "; choose one channel or speaker",
        }.get(wav.dim(), "")
        raise ValueError(f"{name}: expected waveforms (B, T), found {shape}{advice}")
    if 0 in shape:
        raise ValueError(
            f"{name}: expected waveforms (B, T) of at least one utterance and one "
            f"sample, found {shape}"
        )
    if not wav.is_floating_point():
        raise ValueError(
            f"{name}: expected samples of floating point, full scale 1.0, found "
            f"{_dtype(wav)}; divide integers by their full scale (int16: 32768)"
        )
    return wav


def check_lengths(lengths: object, wav: Tensor) -> Tensor:
    """Check the numbers of valid samples (B,) of ``wav`` (B, T), 1 to T; None means T.

    Returns:
        int64, on the device of ``wav``.

    Raises:
        ValueError: if they are something else.
    """
    batch, samples = wav.shape
    if lengths is None:
        return torch.full((batch,), samples, device=wav.device, dtype=torch.long)
    whole = "expected whole numbers of samples, a tensor (B,)"
    if not isinstance(lengths, Tensor):
        raise ValueError(f"lengths: {whole}, found {type(lengths).__name__}")
    no_number = lengths.is_floating_point() or lengths.is_complex()
    if no_number or lengths.dtype == torch.bool:
        raise ValueError(
            f"lengths: {whole}, found {_dtype(lengths)}; multiply relative lengths by T"
        )
    if lengths.shape != (batch,):
        raise ValueError(
            f"lengths: {whole} = ({batch},) for waveforms {tuple(wav.shape)}, found "
            f"{tuple(lengths.shape)}"
        )
    lengths = lengths.to(wav.device, torch.long)
    if bool(((lengths < 1) | (lengths > samples)).any()):
        raise ValueError(
            f"lengths {lengths.tolist()} do not fit waveforms {tuple(wav.shape)}; "
            f"expected 1 to {samples} samples each"
        )
    return lengths


def check_pair(est: object, ref: object) -> tuple[Tensor, Tensor]:
    """Check enhanced and clean waveforms, both (B, T) and on one device.

    Raises:
        ValueError: if they are something else.
    """
    est, ref = check_waveforms("est", est), check_waveforms("ref", ref)
    if est.shape != ref.shape:
        raise ValueError(
            f"expected est and ref of one shape (B, T), found {tuple(est.shape)} and "
            f"{tuple(ref.shape)}; cut both to the shorter, or pad and give lengths"
        )
    if est.device != ref.device:
        raise ValueError(
            f"expected est and ref on one device, found {est.device} and {ref.device}"
        )
    return est, ref


def check_features(est: object, ref: object, mask: object) -> None:
    """Check features (B, F, D) and valid frames (B, F) of a distance.

    Raises:
        ValueError: if they are something else.
    """
    for name, value in (("est", est), ("ref", ref), ("mask", mask)):
        if not isinstance(value, Tensor):
            found = type(value).__name__
            raise ValueError(f"{name}: expected a torch.Tensor, found {found}")
    assert isinstance(est, Tensor)
    assert isinstance(ref, Tensor)
    assert isinstance(mask, Tensor)
    for name, value in (("est", est), ("ref", ref)):
        if value.dim() != 3 or 0 in value.shape or not value.is_floating_point():
            raise ValueError(
                f"{name}: expected features (B, F, D) of floating point, none of them "
                f"0, found {tuple(value.shape)} {_dtype(value)}"
            )
    if est.shape != ref.shape:
        raise ValueError(
            f"expected est and ref of one shape (B, F, D), found {tuple(est.shape)} "
            f"and {tuple(ref.shape)}"
        )
    if mask.shape != est.shape[:2] or mask.dtype != torch.bool:
        raise ValueError(
            f"mask: expected bool (B, F) = {tuple(est.shape[:2])}, True where a frame "
            f"is valid, found {tuple(mask.shape)} {_dtype(mask)}"
        )
    if not est.device == ref.device == mask.device:
        raise ValueError(
            f"expected est, ref and mask on one device, found {est.device}, "
            f"{ref.device} and {mask.device}"
        )


def distance(measure: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Decorate a distance: check its features, and compute at least in float32."""

    @functools.wraps(measure)
    def checked(est: Tensor, ref: Tensor, mask: Tensor, **parameters: object) -> Tensor:
        check_features(est, ref, mask)
        dtype = torch.promote_types(torch.promote_types(est.dtype, ref.dtype), SINGLE)
        return measure(est.to(dtype), ref.to(dtype), mask, **parameters)

    return checked


def _dtype(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")
