"""The table of an ESPnet ASR's results over several conditions, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from espnet2_ext.errors import UserError
from espnet2_ext.metrics.alignment import Tally
from espnet2_ext.metrics.asr_scores import TOKENS, AsrScores, read_asr_scores
from espnet2_ext.metrics.sclite import COLUMNS


def read_conditions(arguments: Sequence[str]) -> dict[str, AsrScores]:
    """Read ``SET/CONDITION=DIR`` arguments into SET/CONDITION -> scores, in order.

    Raises:
        UserError: naming everything that is wrong with any of them.
    """
    conditions: dict[str, AsrScores] = {}
    problems = []
    for argument in arguments:
        name, equals, folder = argument.partition("=")
        if not (name and equals and folder) or name in conditions:
            expected = "expected SET/CONDITION=DIR, every name once"
            problems.append(f"'{argument}'; {expected}")
            continue
        try:
            conditions[name] = read_asr_scores(Path(folder) / "scores.jsonl")
        except UserError as error:
            problems.append(str(error))
    problems += _unlike_conditions(conditions)
    if problems:
        raise UserError("found in --asr_dir:\n" + "\n".join(problems))
    return conditions


def _unlike_conditions(conditions: Mapping[str, AsrScores]) -> Iterator[str]:
    """Yield the conditions with other utterances than the first one of their set."""
    first: dict[str, str] = {}
    for name, scores in conditions.items():
        other = first.setdefault(name.split("/")[0], name)
        difference = sorted(scores.keys() ^ conditions[other].keys())
        if difference:
            yield (
                f"{name} and {other} scored different utterances: {len(difference)} "
                f"are in one only, e.g. {difference[0]}; score both on the same set"
            )


def to_markdown(title: str, conditions: Mapping[str, AsrScores]) -> str:
    """Draw both tables, words and characters, under a heading."""
    lines = [f"# {title}", ""]
    for rate, tokens in TOKENS.items():
        lines += [f"## {rate.upper()} (%, of {tokens}; lower is better)", ""]
        lines += [*_table(conditions, rate), ""]
    return "\n".join(lines) + "\n"


def _table(conditions: Mapping[str, AsrScores], rate: str) -> list[str]:
    head = ["dataset", "Snt", "Wrd", *COLUMNS]
    lines = ["|" + "|".join(head) + "|", "|---" * len(head) + "|"]
    for name, scores in conditions.items():
        tally = Tally.of(counts[rate] for counts in scores.values())
        values = [f"{value:.1f}" for value in tally.percentages()]
        cells = [name, str(tally.utterances), str(tally.errors.words), *values]
        lines.append("|" + "|".join(cells) + "|")
    return lines
