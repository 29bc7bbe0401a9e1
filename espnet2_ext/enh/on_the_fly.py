"""``preprocessor: on_the_fly``: training mixtures that are new in every epoch."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from espnet2.iterators.abs_iter_factory import AbsIterFactory
from espnet2.train.preprocessor import AbsPreprocessor

from espnet2_ext.data.mixing import Mixer, MixingOptions
from espnet2_ext.data.simulate import INT16
from espnet2_ext.errors import UserError


class OnTheFlyPreprocessor(AbsPreprocessor):
    """Replaces mixture and reference of an utterance by a new draw.

    The reference that is read is taken for clean speech; what it was mixed with is not
    looked at, so ``wav.scp`` may be a copy of ``spk1.scp``. A draw hangs on seed, epoch
    and utterance alone. Validation data stay as they are.
    """

    def __init__(self, train: bool, **preprocessor_conf: Any) -> None:
        """Read the lists of noise and rooms.

        Args:
            train: False for validation and statistics, where nothing is done.
            preprocessor_conf: see ``MixingOptions``.

        Raises:
            UserError: naming what is wrong with an option or a list.
        """
        super().__init__(train)
        self.options = MixingOptions(**preprocessor_conf)
        self.mixer = Mixer(self.options) if train else None
        self.epoch = 0  # set by `Epochs` before the workers start

    def __call__(self, uid: str, data: dict[str, Any]) -> dict[str, Any]:
        """Mix ``speech_ref1``, (T,), anew.

        Raises:
            UserError: with the utterance's id, where that is not possible.
        """
        if self.mixer is None:
            return data
        more = [name for name in data if name.startswith(("speech_ref", "dereverb"))]
        if more != ["speech_ref1"] or data["speech_ref1"].ndim != 1:
            raise UserError(
                f"'{uid}': found {', '.join(more)}; preprocessor 'on_the_fly' mixes "
                "one speaker of one channel (speech_ref1); leave it out for others."
            )
        seed = [self.options.seed, self.epoch, zlib.crc32(uid.encode())]
        try:
            made = self.mixer.mix(data["speech_ref1"], np.random.default_rng(seed))
        except UserError as error:
            raise UserError(f"'{uid}': {error}") from error
        data["speech_mix"] = as_float(made.mix)
        data["speech_ref1"] = as_float(made.reference)
        if "noise_ref1" in data:
            data["noise_ref1"] = as_float(made.noise)
        return data


def as_float(wav: np.ndarray) -> np.ndarray:
    """Scale 16-bit samples to [-1, 1); sums stay exact in 32 bits."""
    return wav.astype(np.float32) / np.float32(INT16)


class Epochs(AbsIterFactory):
    """Tells a preprocessor which epoch it is, as ESPnet tells nobody."""

    def __init__(
        self, factory: AbsIterFactory, preprocessor: OnTheFlyPreprocessor
    ) -> None:
        """Wrap ESPnet's factory of batches."""
        self.factory, self.preprocessor = factory, preprocessor

    def build_iter(self, epoch: int, shuffle: bool | None = None) -> Iterator[Any]:
        """Set the epoch, then do as ESPnet does: its workers are copies of this."""
        self.preprocessor.epoch = epoch
        return self.factory.build_iter(epoch, shuffle)
