"""Score utterances: pairs of estimate and reference in, one dict per utterance out.

One utterance never takes the others with it: where its audio cannot be judged, its
values are ``None``, and ``no_value`` says why under ``audio``.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.journal import Journal
from espnet2_ext.fileio.scp import PathLike, atomic_write
from espnet2_ext.metrics.items import ScoredItem, check_items, read_pair
from espnet2_ext.metrics.progress import Progress
from espnet2_ext.metrics.quantity import AUDIO, NO_VALUE
from espnet2_ext.metrics.scorer import Scorer
from espnet2_ext.metrics.settings import Settings
from espnet2_ext.metrics.signal import EQUAL
from espnet2_ext.metrics.versa import score_with_versa

NO_NUMBER = "VERSA gave no finite number"


def score_items(
    items: Sequence[ScoredItem],
    settings: Settings,
    output: PathLike,
    whole: bool = True,
) -> int:
    """Score ``items`` into ``output`` (JSON lines sorted by utterance id).

    ``output`` appears when it is complete; finished utterances are kept in
    ``<output>.journal``, so a killed job goes on where it was. The settings are written
    beside it as ``<output stem>.settings.json``. ``whole`` as for `check_items`.

    Returns:
        How many utterances were taken from the journal.
    """
    settings.check()
    check_items(items, settings, whole)
    output = Path(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    scorer = Scorer(settings)
    lines: list[dict[str, Any]] = []
    reused = 0
    progress = Progress(len(items))
    with Journal(f"{output}.journal", settings.to_json()) as journal:
        for item in sorted(items, key=lambda item: item.utt.encode()):
            score, known = _score_item(item, scorer, journal)
            reused += known
            lines.append({"utt": item.utt, **score})
            progress.step()
    scorer.close()
    if settings.versa is not None:
        _add_versa(lines, items, settings.versa, output)
    with atomic_write(output.with_suffix(".settings.json")) as stream:
        json.dump(settings.to_json(), stream, indent=1)
    with atomic_write(output) as stream:
        stream.writelines(json.dumps(x, ensure_ascii=False) + "\n" for x in lines)
    return reused


def _add_versa(
    lines: Sequence[dict[str, Any]],
    items: Sequence[ScoredItem],
    config: Path,
    output: Path,
) -> None:
    """Put VERSA's values into the lines of the utterances whose audio can be judged."""
    broken = {line["utt"] for line in lines if AUDIO in line.get(NO_VALUE, {})}
    judged = [item for item in items if item.utt not in broken]
    work = output.with_name(f"{output.stem}.versa")
    values, unknown = score_with_versa(
        {item.utt: item.est for item in judged},
        {item.utt: item.ref for item in judged},
        {item.utt: item.text for item in judged if item.text is not None},
        config,
        work,
    )
    if unknown:
        logging.warning(
            "VERSA: left out %s: it is not known which way is better; add a line to "
            "DIRECTIONS in espnet2_ext/metrics/versa.py",
            ", ".join(unknown),
        )
    for line in lines:
        found = values.get(line["utt"], {})
        reasons = {key: NO_NUMBER for key, value in found.items() if value is None}
        if reasons:
            line[NO_VALUE] = line.get(NO_VALUE, {}) | reasons
        line.update(found)


def _score_item(
    item: ScoredItem, scorer: Scorer, journal: Journal
) -> tuple[dict[str, Any], bool]:
    """Return the score line, and whether it was in the journal."""
    try:
        est, ref, fs = read_pair(item)
    except UserError as error:  # `check_items` has warned
        scorers = scorer.settings.scorers(item.text is not None)
        values = {key: None for keys in scorers.values() for key in keys}
        return {**values, NO_VALUE: {AUDIO: str(error)}}, False
    digest = _digest(est, ref, fs, item.text)
    known = journal.get(item.utt, digest)
    if known is not None:
        return known, True
    score = scorer.score(est, ref, fs, item.text)
    for key, reason in score.get(NO_VALUE, {}).items():
        if reason != EQUAL:
            logging.warning("%s: %s has no value: %s", item.utt, key, reason)
    journal.add(item.utt, digest, score)
    return score, False


def _digest(est: np.ndarray, ref: np.ndarray, fs: int, text: str | None) -> str:
    digest = hashlib.sha256(repr((fs, text)).encode())
    digest.update(ref.tobytes())
    digest.update(est.tobytes())
    return digest.hexdigest()
