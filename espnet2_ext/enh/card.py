"""The card of a trained system on a model hub: what it is, and how to load it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NETWORK = ("encoder", "separator", "decoder")  # keys of a training's configuration


def write_card(
    repo: str, config: Mapping[str, Any], sets: str, results: str, package: str
) -> str:
    """Write the card as Markdown, with the header that the hub reads.

    Args:
        repo: name on the hub, ``USER/NAME``.
        config: of the training.
        sets: what it was trained on, and validated on.
        results: the table, as Markdown; empty if there is none.
        package: name and version of what trained it.
    """
    from huggingface_hub import ModelCardData  # only where a system is uploaded

    tags = ["espnet", "audio", "audio-to-audio"]
    network = ", ".join(f"{key} {config[key]}" for key in NETWORK if key in config)
    losses = [_loss(entry) for entry in config.get("criterions", [])]
    rate = (config.get("preprocessor_conf") or {}).get("sample_rate")
    return "\n".join(
        [
            "---",
            ModelCardData(library_name="espnet", tags=tags).to_yaml(),
            "---",
            f"# {repo}",
            "",
            f"Speech enhancement for ESPnet2, trained by {package}.",
            "",
            f"- Trained on: {sets}",
            f"- Network: {network or 'see config.yaml'}",
            f"- Loss: {' + '.join(losses) or 'see config.yaml'}",
            *([f"- Sampling rate: {rate} Hz"] if rate else []),
            "",
            "## How to use it",
            "",
            "Plain ESPnet loads it; the SSL model of the loss is not needed.",
            "",
            "```python",
            "import soundfile",
            "from espnet2.bin.enh_inference import SeparateSpeech",
            "",
            f'model = SeparateSpeech.from_pretrained("{repo}")',
            'wav, rate = soundfile.read("noisy.wav")',
            "(enhanced,) = model(wav[None], rate)  # (1, T), as is the input",
            "```",
            "",
            "## Results",
            "",
            results.strip() or "None were scored.",
            "",
        ]
    )


def _loss(entry: Mapping[str, Any]) -> str:
    """Describe a criterion: its weight, its name, its upstream."""
    conf = entry.get("conf") or {}
    weight = (entry.get("wrapper_conf") or {}).get("weight", 1.0)
    upstream = f" ({conf['upstream']})" if "upstream" in conf else ""
    return f"{weight:g} x {entry['name']}{upstream}"
