"""Print the table of recognition results over several conditions, in Markdown.

The columns are those of ESPnet's show_asr_result.sh. Rows are named SET/CONDITION:
the rows of one set must have scored the same utterances.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from espnet2_ext.errors import UserError, run_main
from espnet2_ext.fileio.scp import atomic_write
from espnet2_ext.metrics.alignment import Tally
from espnet2_ext.metrics.result import ErrorCount
from espnet2_ext.metrics.sclite import COLUMNS

Scores = dict[str, dict[str, ErrorCount]]  # utterance -> {"wer", "cer"} -> errors
TYPES = {"wer": "words", "cer": "characters, spaces included"}


def get_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--asr_dir",
        required=True,
        nargs="+",
        metavar="SET/CONDITION=DIR",
        help="DIR holds the scores.jsonl of bin.score_asr; rows in this order",
    )
    parser.add_argument("--title", default="ASR results", help="heading of the table")
    parser.add_argument("--output", type=Path, help="write it there too")
    return parser


def read_scores(path: Path) -> Scores:
    """Read the ``scores.jsonl`` of `bin.score_asr`.

    Raises:
        UserError: if it is missing, empty or broken, with file and line.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; score it first (bin.score_asr).")
    scores: Scores = {}
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            counts = {kind: ErrorCount.from_json(entry[kind]) for kind in TYPES}
            scores[entry["id"]] = counts
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path}:{number}: not a line of bin.score_asr ({error!r}); score it "
                "again."
            ) from error
    if not scores:
        raise UserError(f"{path}: empty; score it again.")
    return scores


def read_rows(items: Sequence[str]) -> dict[str, Scores]:
    """Read ``NAME=DIR`` arguments.

    Raises:
        UserError: naming everything that is wrong with any of them.
    """
    rows: dict[str, Scores] = {}
    problems = []
    for item in items:
        name, equals, folder = item.partition("=")
        if not (name and equals and folder) or name in rows:
            problems.append(f"'{item}'; expected SET/CONDITION=DIR, every name once")
            continue
        try:
            rows[name] = read_scores(Path(folder) / "scores.jsonl")
        except UserError as error:
            problems.append(str(error))
    problems += unlike_rows(rows)
    if problems:
        raise UserError("found in --asr_dir:\n" + "\n".join(problems))
    return rows


def unlike_rows(rows: Mapping[str, Scores]) -> Iterator[str]:
    """Yield the rows that have other utterances than the first row of their set."""
    first: dict[str, str] = {}
    for name, scores in rows.items():
        other = first.setdefault(name.split("/")[0], name)
        difference = sorted(scores.keys() ^ rows[other].keys())
        if difference:
            yield (
                f"{name} and {other} scored different utterances: {len(difference)} "
                f"are in one only, e.g. {difference[0]}; score both on the same set"
            )


def table(rows: Mapping[str, Scores], kind: str) -> list[str]:
    """Draw the Markdown table of "wer" or "cer"."""
    head = ["dataset", "Snt", "Wrd", *COLUMNS]
    lines = ["|" + "|".join(head) + "|", "|---" * len(head) + "|"]
    for name, scores in rows.items():
        tally = Tally.of(counts[kind] for counts in scores.values())
        values = [f"{value:.1f}" for value in tally.percentages()]
        cells = [name, str(tally.utterances), str(tally.errors.words), *values]
        lines.append("|" + "|".join(cells) + "|")
    return lines


def main(argv: Sequence[str] | None = None) -> None:
    """Print or write the tables."""
    argv = sys.argv[1:] if argv is None else argv
    args = get_parser().parse_args(argv)
    rows = read_rows(args.asr_dir)
    lines = [f"# {args.title}", ""]
    for kind, unit in TYPES.items():
        lines += [f"## {kind.upper()} (%, of {unit}; lower is better)", ""]
        lines += [*table(rows, kind), ""]
    command = shlex.join(["python", "-m", "espnet2_ext.bin.asr_results", *argv])
    lines.append(f"Command: `{command}`")
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if args.output:
        with atomic_write(args.output) as stream:
            stream.write(text)


if __name__ == "__main__":
    run_main(main)
