"""Features of a frozen upstream, computed once for each waveform and kept on disk.

`StoredUpstream` has the interface of ``s3prl.nn.S3PRLUpstream`` and stands in for it:
one utterance at a time, so that padding never changes a feature, with s3prl's number
of frames, ceil(samples / stride). Waveforms are known by their content, so tasks,
epochs and runs share what was computed. Values pass through half precision whether
they come from the disk or not: a result does not depend on what the store holds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from espnet2_ext.checks import UPSTREAM_FS
from espnet2_ext.fileio.scp import atomic_write
from espnet2_ext.ssl.blocks import MIN_SAMPLES, HookedStack, Stack
from espnet2_ext.ssl.isolation import forward_conditions, own_conditions
from espnet2_ext.ssl.loading import build_upstream, check_upstream
from espnet2_ext.ssl.spec import UpstreamSpec
from espnet2_ext.ssl.whisper import STRIDE, WhisperEncoder

HALF_MAX = 6e4  # larger features are kept in single precision


class FeatureStore:
    """Arrays under their key in a directory; safe with kills and several processes.

    Args:
        directory: of one upstream.
        limit_bytes: beyond it nothing more is stored.
    """

    def __init__(self, directory: Path, limit_bytes: int) -> None:
        self.directory, self.limit_bytes = directory, limit_bytes
        self.bytes = sum(path.stat().st_size for path in directory.glob("*/*.npy"))
        self.found = self.computed = self.turned_away = 0

    def path(self, key: str) -> Path:
        """Tell where an array is, or would be."""
        return self.directory / key[:2] / f"{key}.npy"

    def get(self, key: str) -> np.ndarray | None:
        """Read an array; None if it is not there or cannot be read."""
        try:
            value = np.load(self.path(key))
        except (OSError, ValueError, EOFError):
            return None
        self.found += 1
        return value

    def put(self, key: str, value: np.ndarray) -> None:
        """Keep an array if there is room."""
        if self.bytes + value.nbytes > self.limit_bytes:
            self.turned_away += 1
            return
        with atomic_write(self.path(key), "wb") as stream:
            np.save(stream, value)
        self.bytes += value.nbytes

    def summary(self) -> str:
        """Tell what it saved, and its size."""
        total = self.found + self.computed
        text = (
            f"{self.found} of {total} feature look-ups from the store, "
            f"{self.computed} computed; {self.bytes / 1e9:.2f} GB in {self.directory}"
        )
        if self.turned_away:
            text += f"; full ({self.turned_away} not stored: --max_store_gb)"
        return text


class Extractor:
    """The upstream itself; loads its weights at the first miss.

    Raises:
        UserError: if s3prl has no such upstream, or it cannot be loaded.
    """

    def __init__(self, spec: UpstreamSpec) -> None:
        check_upstream(spec, differentiable=False)
        self.spec = spec
        self._loaded: tuple[nn.Module, Stack] | None = None

    def on(self, device: torch.device) -> tuple[nn.Module, Stack]:
        """Give the upstream on ``device``."""
        if self._loaded is None:
            self._loaded = build_upstream(self.spec)
        module, stack = self._loaded
        with own_conditions():
            return module.to(device), stack

    def __getstate__(self) -> dict[str, Any]:
        return {"spec": self.spec, "_loaded": None}  # hooks of s3prl cannot be pickled

    def __deepcopy__(self, memo: dict) -> Extractor:
        return self  # frozen

    def stride(self) -> int:
        """Samples per frame."""
        module: Any = self.on(torch.device("cpu"))[0]
        rate = module.get_downsample_rates("hidden_states")
        return rate if isinstance(rate, int) else int(max(rate))

    def __call__(self, wav: Tensor) -> np.ndarray:
        """Compute all layers of (T,): (L, F, D), in half precision if they fit."""
        _, stack = self.on(wav.device)
        longest = len(wav)
        if isinstance(stack, WhisperEncoder):  # 30 s: consecutive windows beyond
            longest = len(stack.positions) * STRIDE
        parts = [self._run(stack, part) for part in wav.split(longest)]
        states = torch.cat(parts, dim=1)
        small = bool(states.abs().max() < HALF_MAX)
        return (states.half() if small else states.float()).cpu().numpy()

    def _run(self, stack: Stack, wav: Tensor) -> Tensor:
        frames = -(-len(wav) // self.stride())
        batch = nn.functional.pad(wav, (0, max(0, MIN_SAMPLES - len(wav))))[None]
        lengths = torch.tensor([batch.size(1)], device=wav.device)
        with forward_conditions(wav.device, isinstance(stack, HookedStack)):
            hidden = stack.run(batch, lengths, stack.num_states - 1).hidden
        return torch.stack([_exactly(state[0], frames) for state in hidden])


def _exactly(state: Tensor, frames: int) -> Tensor:
    """Cut (F, D) to ``frames``, or repeat the last one, as ``S3PRLUpstream`` does."""
    more = frames - len(state)
    return (
        torch.cat([state, state[-1:].expand(more, -1)]) if more > 0 else state[:frames]
    )


class StoredUpstream(nn.Module):
    """An upstream with the interface of ``S3PRLUpstream``, without parameters.

    The weights are not a submodule: they are in no checkpoint and in no optimizer.

    Args:
        spec: which upstream.
        directory: the store; one directory inside is this upstream's.
        limit_bytes: see `FeatureStore`.
    """

    def __init__(self, spec: UpstreamSpec, directory: Path, limit_bytes: int) -> None:
        super().__init__()
        self.spec, self.extract = spec, Extractor(spec)
        text = json.dumps(spec.identity(), sort_keys=True)
        self.key = hashlib.sha256(text.encode()).hexdigest()[:12]
        self.store = FeatureStore(directory / self.key, limit_bytes)
        self.crop_samples = 0  # waveforms of this length are random excerpts
        self._shape = self._read_shape()

    def _read_shape(self) -> dict[str, Any]:
        """Read layers, sizes and stride, so that a full store needs no weights."""
        path = self.store.directory / "upstream.json"
        if not path.is_file():
            states = self.extract(torch.zeros(UPSTREAM_FS))
            shape = {
                "num_layers": len(states),
                "hidden_size": states.shape[-1],
                "stride": self.extract.stride(),
            }
            with atomic_write(path) as stream:
                json.dump({**shape, **self.spec.identity()}, stream, indent=1)
        return json.loads(path.read_text(encoding="utf-8"))

    @property
    def num_layers(self) -> int:
        """Number of hidden states."""
        return self._shape["num_layers"]

    @property
    def hidden_sizes(self) -> list[int]:
        """Size of each hidden state."""
        return [self._shape["hidden_size"]] * self.num_layers

    @property
    def downsample_rates(self) -> list[int]:
        """Samples per frame of each hidden state."""
        return [self._shape["stride"]] * self.num_layers

    def features(self, wav: Tensor) -> Tensor:
        """Look one waveform (T,) up, or compute it: (L, F, D)."""
        samples = np.ascontiguousarray(wav.detach().cpu().numpy(), dtype=np.float32)
        key = hashlib.blake2b(samples.tobytes(), digest_size=16).hexdigest()
        value = self.store.get(key)
        if value is None:
            with torch.no_grad():
                value = self.extract(wav.float())
            self.store.computed += 1
            if len(wav) != self.crop_samples:
                self.store.put(key, value)
        return torch.from_numpy(value).to(wav.device).float()

    def forward(
        self, wavs: Tensor, wavs_len: Tensor
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Compute the hidden states of a batch.

        Args:
            wavs: (B, T) or (B, T, 1) at 16 kHz.
            wavs_len: valid samples, (B,).

        Returns:
            One (B, F, D) tensor a layer, zero where padded, and its lengths, (B,).
        """
        wavs = wavs.squeeze(-1) if wavs.dim() == 3 else wavs
        lengths: Sequence[int] = wavs_len.tolist()
        rows = [self.features(wav[:n]) for wav, n in zip(wavs, lengths, strict=True)]
        frames = torch.tensor([row.size(1) for row in rows], device=wavs.device)
        shape = (self.num_layers, len(rows), int(frames.max()), rows[0].size(2))
        batch = wavs.new_zeros(shape)
        for number, row in enumerate(rows):
            batch[:, number, : row.size(1)] = row
        return list(batch), [frames] * self.num_layers
