"""What s3prl's tasks compute for each utterance, as lines of predictions.jsonl."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from espnet2_ext.metrics.alignment import token_errors

Batch = dict[str, Any]  # what a forward pass of s3prl's task keeps
Prediction = dict[str, Any]  # one line of predictions.jsonl, to be written
Line = Mapping[str, Any]  # one that was read
Metrics = dict[str, float]


@dataclass(frozen=True)
class Evaluated:
    """What s3prl left of the evaluation of a test set.

    Attributes:
        task: the object that did it.
        batches: what its forward passes kept.
        score_recordings: scores the files that it wrote of a diarisation.
    """

    task: Any
    batches: Sequence[Batch]
    score_recordings: Callable[[], list[Prediction]]


def _utterances(batches: Iterable[Batch]) -> Iterable[tuple[str, Any, Any]]:
    for batch in batches:
        columns = (batch["unique_name"], batch["label"], batch["prediction"])
        yield from zip(*columns, strict=True)


def classified(batches: Sequence[Batch]) -> list[Prediction]:
    """List classifications; several labels (IC) count as one, right or wrong."""

    def text(label: Any) -> str:
        return label if isinstance(label, str) else " ; ".join(label)

    return [
        {
            "id": utt,
            "label": text(label),
            "prediction": text(prediction),
            "correct": int(text(label) == text(prediction)),
        }
        for utt, label, prediction in _utterances(batches)
    ]


def _errors(reference: Sequence[str], hypothesis: Sequence[str]) -> Prediction:
    count = token_errors(reference, hypothesis)
    return {
        "sub": count.substitutions,
        "del": count.deletions,
        "ins": count.insertions,
        "words": count.words,
    }


def transcribed(batches: Sequence[Batch], with_chars: bool) -> list[Prediction]:
    """List transcripts with word (or phone) errors, and with character errors.

    Tokens are what s3prl's metrics take: the text parted at every single space.
    """
    items = []
    for utt, label, prediction in _utterances(batches):
        counts = _errors(label.split(" "), prediction.split(" "))
        item = {"id": utt, "label": label, "prediction": prediction, **counts}
        if with_chars:
            item["chars"] = _errors(label, prediction)
        items.append(item)
    return items


def filled(batches: Sequence[Batch]) -> list[Prediction]:
    """List transcripts with slots, and how many of their slot types were found."""
    from s3prl.metric.slot_filling import get_slot_dict

    items = []
    for utt, label, prediction in _utterances(batches):
        wanted, found = map(set, get_slot_dict(prediction, label))
        item = {"id": utt, "label": label, "prediction": prediction}
        items.append(
            {
                **item,
                "tp": len(wanted & found),
                "fp": len(found - wanted),
                "fn": len(wanted - found),
            }
        )
    return items


def verified(
    trials: Iterable[tuple[Any, str, str]], batches: Sequence[Batch]
) -> list[Prediction]:
    """List trials (label, id, id) with the cosine similarity of their embeddings."""
    import torch

    embeddings = {
        utt: embedding
        for batch in batches
        for utt, embedding in zip(
            batch["unique_name"], batch["spk_embedding"], strict=True
        )
    }
    return [
        {
            "id1": first,
            "id2": second,
            "label": int(label),
            "score": torch.cosine_similarity(
                embeddings[first], embeddings[second], dim=0
            ).item(),
        }
        for label, first, second in trials
    ]
