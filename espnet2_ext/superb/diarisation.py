"""Scoring diarisation with pyannote.metrics, where s3prl would clone dscore.

The same definition as dscore's: no collar, overlaps scored, optimal mapping of
speakers, errors and reference speech pooled over recordings.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from espnet2_ext.errors import UserError
from espnet2_ext.superb.manifest import FS, ManifestRow
from espnet2_ext.superb.statistics import DER


def reference_turns(rows: list[ManifestRow]) -> dict[str, Any]:
    """Give {record_id: (pyannote ``Annotation``, ``Timeline`` of the whole file)}.

    Raises:
        UserError: if pyannote.metrics is not installed.
    """
    try:
        from pyannote.core import Annotation, Segment, Timeline
    except ImportError as error:
        raise UserError(
            "scoring diarisation needs pyannote.metrics; run tools/setup.sh, or: "
            "pip install pyannote.metrics"
        ) from error
    turns: dict[str, Any] = {}
    for row in rows:
        whole = Timeline([Segment(0, float(row["duration"]))])
        blank = (Annotation(uri=row["record_id"]), whole)
        annotation, _ = turns.setdefault(row["record_id"], blank)
        segment = Segment(float(row["start_sec"]), float(row["end_sec"]))
        annotation[segment, row["utt_id"]] = row["speaker"]
    return turns


def predicted_turns(
    activity: np.ndarray, threshold: float, median: int, hop: int
) -> Any:
    """Make a pyannote ``Annotation`` of speaker activities.

    Args:
        activity: (F, speakers) in 0..1.
        threshold: a speaker is active above it.
        median: length of the median filter in frames, odd; 1: none.
        hop: samples per frame.
    """
    from pyannote.core import Annotation, Segment
    from scipy.signal import medfilt

    active = medfilt((activity > threshold).astype(float), (median, 1))
    turns = Annotation()
    for speaker, frames in enumerate(active.T):
        edges = np.flatnonzero(np.diff(np.pad(frames, 1))) * hop / FS
        for start, end in edges.reshape(-1, 2):
            turns[Segment(start, end), f"{speaker}_{start}"] = speaker
    return turns


def score_turns(
    turns: Mapping[str, Any], predictions: Path, threshold: float, median: int, hop: int
) -> list[dict[str, Any]]:
    """Score the predictions of all recordings.

    Args:
        turns: see `reference_turns`.
        predictions: s3prl's directory of <record_id>.pt, (F, speakers) in 0..1.
        threshold: see `predicted_turns`.
        median: see `predicted_turns`.
        hop: samples per frame.

    Returns:
        One item a recording: seconds of error, seconds of reference speech.
    """
    import torch
    from pyannote.metrics.diarization import DiarizationErrorRate

    metric = DiarizationErrorRate(collar=0.0, skip_overlap=False)
    items = []
    for record, (reference, whole) in sorted(turns.items()):
        activity = torch.load(predictions / f"{record}.pt").numpy()
        guess = predicted_turns(activity, threshold, median, hop)
        parts = metric(reference, guess, uem=whole, detailed=True)
        errors = ("missed detection", "false alarm", "confusion")
        error = sum(float(parts[name]) for name in errors)
        items.append({"id": record, "error": error, "total": float(parts["total"])})
    return items


def choose_threshold(
    turns: Mapping[str, Any], predictions: Path, scoring: Mapping[str, Any], hop: int
) -> dict[str, Any]:
    """Pick the threshold and median filter with the lowest DER.

    Args:
        turns: see `reference_turns`.
        predictions: see `score_turns`.
        scoring: s3prl's candidates, ``thresholds`` and ``median_filters``.
        hop: samples per frame.

    Returns:
        threshold, median_filter, and the DER in percent; the first of equals.
    """
    tried = []
    for threshold, median in product(scoring["thresholds"], scoring["median_filters"]):
        items = score_turns(turns, predictions, threshold, median, hop)
        tried.append((DER.value(items), threshold, median))
    der, threshold, median = min(tried, key=lambda entry: entry[0])
    return {"threshold": threshold, "median_filter": median, "der": der}
