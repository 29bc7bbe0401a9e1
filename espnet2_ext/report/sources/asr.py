"""Read what an ESPnet ASR made of the audio (stages 9-10) into columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from espnet2_ext.errors import UserError, shorten
from espnet2_ext.fileio.yaml import read_yaml
from espnet2_ext.metrics.asr_scores import read_asr_scores
from espnet2_ext.metrics.quantity import JUDGE, SHOWN, Quantity
from espnet2_ext.metrics.statistic import RATIO
from espnet2_ext.report.circularity import of_recogniser, related
from espnet2_ext.report.column import RECOGNISER, SET, Column, Items, Run, complete_rows
from espnet2_ext.report.systems import (
    CLEAN,
    Origin,
    System,
    enhanced_dir,
    losses_of,
    origins,
)
from espnet2_ext.ssl.relation import ESPNET_ASR, Upstream

RATES = {"wer": "words", "cer": "chars"}


def asr_dir(dumpdir: Path, name: str, origin: Origin, test_set: str, tag: str) -> Path:
    """Return where stage 10 writes ``scores.jsonl``: the rule, in one place.

    Args:
        dumpdir: ``dump/raw``.
        name: ``clean`` or ``noisy`` where ``origin`` is ``None``.
        origin: a row of a system.
        test_set: name of the set.
        tag: of the ASR.
    """
    if origin is None:
        return dumpdir / test_set / f"asr_{tag}_{name}"
    return enhanced_dir(origin, test_set) / f"asr_{tag}"


def _read(path: Path) -> dict[str, Items]:
    scores = read_asr_scores(path)
    return {
        rate: {
            utt: (counts[rate].errors, counts[rate].words)
            for utt, counts in scores.items()
        }
        for rate in RATES
    }


def read_tags(text: str, expdir: Path) -> dict[str, list[Upstream]]:
    """Read ``TAG TAG ...`` (or with commas) into tag -> upstreams it listens through.

    They are those of ``<expdir>/asr_<tag>/config.yaml``, which stage 9 writes: where a
    loss has one too, or its family, the column is marked.

    Raises:
        UserError: if a tag is given twice, or the configuration cannot be read.
    """
    tags: dict[str, list[Upstream]] = {}
    for tag in text.replace(",", " ").split():
        if tag in tags:
            raise UserError(f"--asr_tag: found '{tag}' twice, expected every tag once.")
        tags[tag] = _upstreams_of(expdir / f"asr_{tag}" / "config.yaml")
    return tags


def _upstreams_of(path: Path) -> list[Upstream]:
    if not path.is_file():
        return []
    try:
        return [*of_recogniser(read_yaml(path)), *_itself(path.with_name("flags"))]
    except (UserError, AttributeError, TypeError) as error:
        raise UserError(f"{path}: broken ({error}); remove it, run stage 9.") from error


def _itself(flags: Path) -> list[Upstream]:
    """Give the recogniser as an upstream, which a loss may have, too."""
    words = flags.read_text("utf-8").splitlines() if flags.is_file() else []
    given = dict(zip(words[::2], words[1::2], strict=False))
    weights = given.get("--asr_model_file")
    return [Upstream(ESPNET_ASR, weights)] if weights else []


def _check_same_utterances(found: Mapping[Path, Mapping[str, Items]]) -> None:
    (first, expected), *others = found.items()
    for path, counts in others:
        if odd := sorted(set(expected["wer"]) ^ set(counts["wer"])):
            raise UserError(
                f"{first} and {path} are of different utterances: {shorten(odd)}; "
                "decode and score both again (stages 9-10)."
            )


def _columns(
    dumpdir: Path,
    test_set: str,
    tag: str,
    upstreams: Sequence[Upstream],
    systems: Sequence[System],
) -> list[Column]:
    read: dict[Path, dict[str, Items]] = {}
    found: dict[str, list[tuple[Path, Origin]]] = {}
    for name, origin in origins(systems):
        path = asr_dir(dumpdir, name, origin, test_set, tag) / "scores.jsonl"
        if path.is_file():
            read[path] = _read(path)
            found.setdefault(name, []).append((path, origin))
    if not read:
        where = asr_dir(dumpdir, CLEAN, None, test_set, tag)
        raise UserError(
            f"--asr_tag {tag}: no scores.jsonl in {where} nor beside any system; run "
            "stages 9 and 10."
        )
    _check_same_utterances(read)
    return [
        _column(rate, test_set, tag, upstreams, systems, read, found) for rate in RATES
    ]


def _column(
    rate: str,
    test_set: str,
    tag: str,
    upstreams: Sequence[Upstream],
    systems: Sequence[System],
    read: Mapping[Path, Mapping[str, Items]],
    found: Mapping[str, Sequence[tuple[Path, Origin]]],
) -> Column:
    rows, incomplete = complete_rows(
        {
            row: [
                Run(RATIO, origin, path, read[path][rate]) for path, origin in entries
            ]
            for row, entries in found.items()
        },
        systems,
    )
    return Column(
        quantity=Quantity(
            key=f"{rate.upper()}_asr_{tag}",
            label=f"{rate.upper()} ASR {tag}",
            unit="%",
            higher_is_better=False,
            digits=1,
            role=JUDGE if rate == "wer" else SHOWN,  # two numbers of one judge
        ),
        kind=RECOGNISER,
        place={SET: test_set},
        rows=rows,
        count=round(sum(n for _, n in next(iter(read.values()))[rate].values())),
        item_name=RATES[rate],
        judges=tuple(upstreams),
        related=related("its upstream", upstreams, losses_of(systems)),
        incomplete=incomplete,
    )


def read_asr(
    dumpdir: Path,
    test_sets: Sequence[str],
    tags: Mapping[str, Sequence[Upstream]],
    systems: Sequence[System],
) -> list[Column]:
    """Read word and character error rates, per test set and recogniser.

    Args:
        dumpdir: ``dump/raw``.
        test_sets: names of the decoded sets.
        tags: tag of a recogniser -> the upstreams that it listens through.
        systems: the rows besides clean and noisy.

    Raises:
        UserError: if a recogniser decoded nothing, or other utterances for some row.
    """
    return [
        column
        for test_set in test_sets
        for tag, upstreams in tags.items()
        for column in _columns(dumpdir, test_set, tag, upstreams, systems)
    ]
