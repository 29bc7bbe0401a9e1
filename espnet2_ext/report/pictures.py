"""Figures as PNG bytes, and bytes as ``data:`` addresses (nothing external)."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np

RANGE_DB = 70.0  # shown below the loudest point of the clean signal
WINDOW = 0.032  # s
COLOURS = ("#4477aa", "#ee6677", "#228833", "#aa3377", "#ccbb44", "#66ccee")


def data_uri(kind: str, content: bytes) -> str:
    """Return ``content`` as a ``data:`` address of MIME type ``kind``."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def figure_of(
    width: float, height: float, columns: int = 1, rows: int = 1
) -> tuple[Any, Any]:
    """Begin a figure of inches; its axes are an array (rows, columns)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False)


def png(figure: Any) -> bytes:
    """Give the bytes of a figure, the same for the same figure."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def power_db(wav: np.ndarray, fs: int) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies in Hz, shape (F,), and power in dB, shape (F, frames)."""
    import scipy.signal

    length = round(WINDOW * fs)
    wav = np.pad(wav, (0, max(0, length - len(wav))))  # at least one frame
    freqs, _, power = scipy.signal.spectrogram(
        wav, fs, window="hann", nperseg=length, noverlap=length * 3 // 4, mode="psd"
    )
    return freqs, 10 * np.log10(power + 1e-14)


def spectrogram(wav: np.ndarray, fs: int, top_db: float) -> bytes:
    """Draw (T,) samples; ``top_db`` is the end of the colours, one per utterance."""
    freqs, level = power_db(wav, fs)
    figure, ((axes,),) = figure_of(3.4, 2.0)
    axes.imshow(
        level,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=top_db - RANGE_DB,
        vmax=top_db,
        extent=(0, len(wav) / fs, 0, freqs[-1] / 1000),
    )
    axes.set_xlabel("s", fontsize=7, labelpad=1)
    axes.set_ylabel("kHz", fontsize=7, labelpad=1)
    axes.tick_params(labelsize=7)
    return png(figure)


def curves(key: str, systems: Mapping[str, list[dict[str, dict[int, float]]]]) -> bytes:
    """Draw a training value over epochs: dashed training, solid validation.

    Args:
        key: the name of the value in the log.
        systems: system -> one ``{"train" or "valid": {epoch: value}}`` per seed; a
            system without this value keeps its place, hence everyone their colour.
    """
    figure, ((axes,),) = figure_of(4.0, 2.8)
    for index, (name, seeds) in enumerate(systems.items()):
        colour = COLOURS[index % len(COLOURS)]
        for number, seed in enumerate(seeds):
            for part, style in (("train", "--"), ("valid", "-")):
                points = sorted(seed.get(part, {}).items())
                if points:
                    label = f"{name}, {part}" if number == 0 else None
                    x, y = zip(*points, strict=True)
                    axes.plot(
                        x, y, style, color=colour, label=label, lw=1.2, marker="."
                    )
    axes.set_title(key, fontsize=9)
    axes.set_xlabel("epoch", fontsize=8)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
    return png(figure)
