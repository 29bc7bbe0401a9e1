"""Every metric, and every quantity that a score line can have, by its key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from espnet2_ext.errors import SCORE_EXTRA, check_installed, unknown_name
from espnet2_ext.metrics import speaker
from espnet2_ext.metrics.asr import RECOGNISERS
from espnet2_ext.metrics.dnsmos import dnsmos, load_dnsmos, p808
from espnet2_ext.metrics.judge import Compute
from espnet2_ext.metrics.phones import load_phone_recogniser, lps
from espnet2_ext.metrics.quantity import (
    ERROR_COUNT,
    FEATURES,
    JUDGE,
    QUALITY,
    SBS_PREFIX,
    SPEAKER,
    SSL_PREFIX,
    VERSA_PREFIX,
    WER_PREFIX,
    Quantity,
)
from espnet2_ext.metrics.signal import estoi, pesq_wb, sdr, si_snr, stoi
from espnet2_ext.metrics.speaker import load_speaker_encoder, spk_sim
from espnet2_ext.metrics.versa import versa_quantity


@dataclass(frozen=True)
class Metric:
    """A metric: its function, what it returns, and the packages it needs.

    Attributes:
        compute: ``(ref, est, fs) -> {key: value}``.
        quantities: one for each key.
        packages: what must be installed.
        load: loads its model, once per process; ``None`` where there is none.
        install: the command that installs the packages.
    """

    compute: Compute
    quantities: tuple[Quantity, ...]
    packages: tuple[str, ...]
    load: Callable[[], Any] | None = None
    install: str = SCORE_EXTRA


def _quantity(
    key: str, label: str, unit: str, digits: int = 2, role: str = QUALITY
) -> Quantity:
    return Quantity(key, label, unit, higher_is_better=True, digits=digits, role=role)


_BSS = ("fast_bss_eval",)
_MOS = ("speechmos", "onnxruntime", "librosa")
# Names as in ESPnet's enh_scoring and VERSA; the only place to register a metric.
METRICS: Mapping[str, Metric] = {
    "SI_SNR": Metric(si_snr, (_quantity("SI_SNR", "SI-SNR", "dB"),), _BSS),
    "SDR": Metric(sdr, (_quantity("SDR", "SDR", "dB"),), _BSS),
    "PESQ_WB": Metric(pesq_wb, (_quantity("PESQ_WB", "PESQ-WB", "MOS"),), ("pesq",)),
    "ESTOI": Metric(estoi, (_quantity("ESTOI", "ESTOI", "%", 1),), ("pystoi",)),
    "STOI": Metric(stoi, (_quantity("STOI", "STOI", "%", 1),), ("pystoi",)),
    "DNSMOS": Metric(
        dnsmos,
        tuple(_quantity(key, f"DNSMOS {key}", "MOS") for key in ("OVRL", "SIG", "BAK")),
        _MOS,
        load_dnsmos,
    ),
    "P808": Metric(p808, (_quantity("P808", "DNSMOS P808", "MOS"),), _MOS, load_dnsmos),
    "LPS": Metric(
        lps,
        (_quantity("LPS", "LPS", "%", 1, JUDGE),),
        ("hama", "rapidfuzz"),
        load_phone_recogniser,
    ),
    "SPK_SIM": Metric(
        spk_sim,
        (replace(_quantity("SPK_SIM", "SpkSim", "", 3, JUDGE), aspect=SPEAKER),),
        ("resemblyzer", "webrtcvad", "librosa", "torch"),
        load_speaker_encoder,
        # its metadata asks for webrtcvad, which has no wheels
        install=f"{SCORE_EXTRA}; pip install --no-deps {speaker.WHEEL}",
    ),
}

QUANTITIES: Mapping[str, Quantity] = {
    quantity.key: quantity
    for metric in METRICS.values()
    for quantity in metric.quantities
}


def find_metric(name: str) -> Metric:
    """Look a metric up and check that its packages are there.

    Raises:
        UserError: if the name is unknown or a package is missing.
    """
    if name not in METRICS:
        raise unknown_name("metric", name, METRICS)
    metric = METRICS[name]
    check_installed(f"metric {name}", metric.packages, metric.install)
    return metric


def quantity_of(key: str) -> Quantity:
    """Describe a key of a score line.

    Raises:
        KeyError: if no registered metric or recogniser writes this key.
    """
    if key.startswith(SSL_PREFIX):
        label = f"SSL {key.removeprefix(SSL_PREFIX)}"
        return Quantity(
            key, label, unit="", higher_is_better=False, digits=4, role=FEATURES
        )
    if key.startswith(SBS_PREFIX):
        label = f"SpeechBERTScore {key.removeprefix(SBS_PREFIX)}"
        return Quantity(
            key, label, unit="", higher_is_better=True, digits=3, role=FEATURES
        )
    if key.startswith(WER_PREFIX):
        return Quantity(
            key,
            f"WER {RECOGNISERS[key.removeprefix(WER_PREFIX)].label}",
            unit="%",
            higher_is_better=False,
            digits=1,
            kind=ERROR_COUNT,
            role=JUDGE,
        )
    if key.startswith(VERSA_PREFIX):
        return versa_quantity(key)
    return QUANTITIES[key]
