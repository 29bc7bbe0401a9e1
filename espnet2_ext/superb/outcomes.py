"""What s3prl's tasks compute for each utterance, as lines of predictions.jsonl."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

Batch = dict[str, Any]  # what a forward pass of s3prl's task keeps
Item = dict[str, Any]


def _utterances(batches: Iterable[Batch]) -> Iterable[tuple[str, Any, Any]]:
    for batch in batches:
        columns = (batch["unique_name"], batch["label"], batch["prediction"])
        yield from zip(*columns, strict=True)


def classified(task: Any, batches: Sequence[Batch]) -> list[Item]:
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


def count_errors(reference: Sequence[str], hypothesis: Sequence[str]) -> Item:
    """Count the errors of an alignment with the fewest; ``words`` are the tokens."""
    from rapidfuzz.distance import Levenshtein

    kinds = [step.tag for step in Levenshtein.editops(reference, hypothesis)]
    return {
        "sub": kinds.count("replace"),
        "del": kinds.count("delete"),
        "ins": kinds.count("insert"),
        "words": len(reference),
    }


def transcribed(task: Any, batches: Sequence[Batch]) -> list[Item]:
    """List transcripts with word (or phone) errors, and character errors for ASR.

    Tokens are what s3prl's metrics take: the text parted at every single space.
    """
    items = []
    for utt, label, prediction in _utterances(batches):
        counts = count_errors(label.split(" "), prediction.split(" "))
        item = {"id": utt, "label": label, "prediction": prediction, **counts}
        if "cer" in task.log_metrics:
            item["chars"] = count_errors(label, prediction)
        items.append(item)
    return items


def filled(task: Any, batches: Sequence[Batch]) -> list[Item]:
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


def verified(task: Any, batches: Sequence[Batch]) -> list[Item]:
    """List trials with the cosine similarity of their two embeddings."""
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
        for label, first, second in task.trials
    ]


ITEMS: dict[str, Callable[[Any, Sequence[Batch]], list[Item]]] = {
    "accuracy": classified,
    "error_rate": transcribed,
    "f1": filled,
    "eer": verified,
    # "der" is scored from the recordings' files, see `diarisation`
}
