"""Enhancement models that come with this package, for plain ESPnet.

Each is ``weights/<name>.{yaml,pth,md}``: configuration, weights, model card.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the plan of a recipe, which knows the names, runs without NumPy
    import numpy as np

SHORTEST = 1600  # samples; frames of an STFT need some
WEIGHTS = Path(__file__).parent / "weights"
SE_DEBIAN_SMALL = "se_debian_small"
SHIPPED = {name: WEIGHTS / f"{name}.pth" for name in (SE_DEBIAN_SMALL,)}


def load_se_debian_small(num_threads: int) -> Callable[[np.ndarray, int], np.ndarray]:
    """Our base system, a TCN at 16 kHz (``egs2/debian_speech/enh_base1``)."""
    import numpy as np
    import torch
    from espnet2.bin.enh_inference import SeparateSpeech

    torch.set_num_threads(num_threads)
    weights = SHIPPED[SE_DEBIAN_SMALL]
    enhance = SeparateSpeech(
        train_config=weights.with_suffix(".yaml"),
        model_file=weights,
        normalize_output_wav=False,
    )

    def process(wav: np.ndarray, fs: int) -> np.ndarray:
        padded = np.pad(wav, (0, max(0, SHORTEST - len(wav))))
        return np.asarray(enhance(padded[None], fs=fs)[0][0])

    return process
