"""IEMOCAP: four emotions, one session as test set (er)."""

from __future__ import annotations

import json
import re
from pathlib import Path

from espnet2_ext.corpora.pieces import Pieces, read_lines
from espnet2_ext.superb.corpora.registry import Options, Row, Splits

LABELS = {"neu": "neu", "hap": "hap", "exc": "hap", "ang": "ang", "sad": "sad"}
SESSIONS = range(1, 6)
VALID_RATIO = 0.2  # of the four other sessions, as in s3prl
EVALUATION = re.compile(r"\[.+\]\t(?P<utt>\S+)\t(?P<emotion>\S+)\t\[")


def build(task: str, root: Path, options: Options, pieces: Pieces) -> Splits:
    """Rows of ``id, wav_path, label``; see `corpora.build_splits`.

    The test set is one session. A fifth of the others, drawn with seed 0 as s3prl
    draws it, is the validation set. Which fifth follows from the order of the list it
    is drawn from: with ``options.split_dir`` that of the published split, without it
    the order of ids (same sessions, same size, other members).
    """
    for session in SESSIONS:
        _check_session(f"Session{session}", pieces)
    names = _published(options, pieces) if options.split_dir else None
    pieces.require()

    from s3prl.dataio.corpus.iemocap import IEMOCAP

    data = {utt: x for utt, x in IEMOCAP(str(root)).all_data.items() if _label(x)}
    if names is None:
        test = options.fold + 1
        others = sorted(u for u, x in data.items() if x["session_id"] != test)
        names = others, sorted(u for u, x in data.items() if x["session_id"] == test)
    for utt in (*names[0], *names[1]):
        if utt not in data:
            where = options.split_dir or root
            pieces.add(where, "no audio of four emotions", "its wav file", utt=utt)
    pieces.require()
    train, valid = _draw(names[0])
    sets = {"train": train, "valid": valid, "test": names[1]}
    return {k: [_row(utt, data[utt]) for utt in sorted(v)] for k, v in sets.items()}


def _label(point: dict) -> str | None:
    return LABELS.get(point["emotion"])


def _row(utt: str, point: dict) -> Row:
    return {"id": utt, "wav_path": point["wav_path"], "label": _label(point)}


def _draw(utts: list[str]) -> tuple[list[str], list[str]]:
    """Divide into train and valid, as s3prl does (torch's generator, seed 0)."""
    import torch
    from torch.utils.data import random_split

    size = int((1 - VALID_RATIO) * len(utts))
    generator = torch.Generator().manual_seed(0)
    parts = random_split(utts, [size, len(utts) - size], generator)  # type: ignore
    train, valid = ([utts[i] for i in part.indices] for part in parts)
    return train, valid


def _published(options: Options, pieces: Pieces) -> tuple[list[str], list[str]]:
    """Read the ids of the published split: (the other sessions, the test session)."""
    found = []
    for part in ("train", "test"):
        name = f"Session{options.fold + 1}/{part}_meta_data.json"
        path = Path(str(options.split_dir)) / name
        try:
            items = json.loads(path.read_text(encoding="utf-8"))["meta_data"]
            found.append([Path(item["path"]).stem for item in items])
        except (OSError, ValueError, KeyError, TypeError) as error:
            wanted = f"{name} of s3prl's downstream/emotion/meta_data ({error})"
            pieces.add(path, "no list of utterances", wanted)
            found.append([])
    return found[0], found[1]


def _check_session(session: str, pieces: Pieces) -> None:
    """Look for the evaluation of every utterance of a session."""
    folder = pieces.folder(session, "sentences", "wav", holds="*/*.wav")
    texts = pieces.folder(session, "dialog", "EmoEvaluation", holds="*.txt")
    for dialogue in sorted(path for path in folder.glob("*") if path.is_dir()):
        path = texts / f"{dialogue.name}.txt"
        # s3prl looks the same lines up, and fails without a name where one is lost
        judged = {
            match["utt"]
            for _, line in read_lines(path, pieces)
            if (match := EVALUATION.match(line))
        }
        if texts.is_dir() and not path.is_file():
            pieces.missing(path, "no such file (emotions of a dialogue)")
            continue
        for wav in sorted(dialogue.glob("*.wav")):
            if not wav.name.startswith(".") and wav.stem not in judged:
                line = "'[START - END]\\tID\\tEMOTION\\t[V, A, D]'"
                pieces.add(path, "no emotion for an utterance", line, utt=wav.stem)
