"""Token alignments of hypotheses with references, as values that add."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from espnet2_ext.metrics.result import ErrorCount

# rapidfuzz's names of the kinds of a step: ours
KINDS = {"equal": "C", "replace": "S", "delete": "D", "insert": "I"}


@dataclass(frozen=True)
class Step:
    """One step of an alignment.

    Attributes:
        kind: "C" correct, "S" substituted, "D" deleted or "I" inserted.
        ref, hyp: the two tokens; empty where there is none ("I", "D").
    """

    kind: str
    ref: str
    hyp: str


@dataclass(frozen=True)
class Aligned:
    """An utterance with its alignment; ``tokens`` are words or characters."""

    utt: str
    speaker: str
    steps: tuple[Step, ...]

    def tokens(self, side: str) -> list[str]:
        """Return the tokens of ``side``, "ref" or "hyp"."""
        return [token for step in self.steps if (token := getattr(step, side))]

    @property
    def count(self) -> ErrorCount:
        """The errors, and the number of reference tokens."""
        kinds = [step.kind for step in self.steps]
        sub, lost, extra = (kinds.count(kind) for kind in "SDI")
        return ErrorCount(sub, lost, extra, len(kinds) - extra)


@dataclass(frozen=True)
class Tally:
    """What a table row is made of: utterances, those with an error, the errors."""

    utterances: int = 0
    wrong: int = 0
    errors: ErrorCount = field(default_factory=ErrorCount)

    @classmethod
    def of(cls, counts: Iterable[ErrorCount]) -> Tally:
        """Add up one count per utterance."""
        counts = list(counts)
        wrong = sum(count.errors > 0 for count in counts)
        return cls(len(counts), wrong, sum(counts, ErrorCount()))

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.utterances + other.utterances,
            self.wrong + other.wrong,
            self.errors + other.errors,
        )

    def counts(self) -> tuple[int, ...]:
        """Return Corr, Sub, Del, Ins, Err as tokens, S.Err as utterances."""
        e = self.errors
        correct = e.words - e.substitutions - e.deletions
        parts = (e.substitutions, e.deletions, e.insertions, e.errors)
        return (correct, *parts, self.wrong)

    def percentages(self) -> tuple[float, ...]:
        """Return Corr, Sub, Del, Ins, Err in percent of tokens, S.Err of utterances."""
        *of_tokens, wrong = self.counts()
        shares = (100 * part / self.errors.words for part in of_tokens)
        return (*shares, 100 * wrong / self.utterances)


def align(reference: Sequence[str], hypothesis: Sequence[str]) -> tuple[Step, ...]:
    """Align two token sequences with the fewest errors.

    sclite differs in two ways: it minimises 4 S + 3 D + 3 I, so its split into S, D
    and I can be another, and rarely its number of errors a little higher; and it takes
    "Yes" and "yes" for the same word unless called with -s.
    """
    from rapidfuzz.distance import Levenshtein

    return tuple(
        Step(KINDS[block.tag], *pair)
        for block in Levenshtein.opcodes(reference, hypothesis)
        for pair in zip_longest(
            reference[block.src_start : block.src_end],
            hypothesis[block.dest_start : block.dest_end],
            fillvalue="",
        )
    )


def token_errors(reference: Sequence[str], hypothesis: Sequence[str]) -> ErrorCount:
    """Count the errors of `align`; ``words`` are the reference tokens."""
    from rapidfuzz.distance import Levenshtein

    kinds = [KINDS[edit.tag] for edit in Levenshtein.editops(reference, hypothesis)]
    sub, lost, extra = map(kinds.count, "SDI")
    return ErrorCount(sub, lost, extra, len(reference))
