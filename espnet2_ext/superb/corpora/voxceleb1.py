"""VoxCeleb1: speaker identification (sid) and verification (asv).

s3prl's parsers download VGG's list of usage and the trial list. They look into a
folder first, so the user's files are laid there and nothing is downloaded.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from espnet2_ext.corpora.pieces import Pieces, read_lines
from espnet2_ext.superb.corpora.registry import Options, Row, Splits
from espnet2_ext.superb.corpora.splits import to_splits

IDEN_SPLIT, TRIALS = "iden_split.txt", "voxceleb1_test_v2.txt"  # s3prl's names
FILE = re.compile(r"id\d{5}/[^/\s]+/[^/\s]+\.wav")
TEST_SPEAKERS = range(10270, 10310)  # of asv


def build(task: str, root: Path, options: Options, pieces: Pieces) -> Splits:
    """Rows of sid (``id, wav_path, label``) or asv; see `corpora.build_splits`.

    asv trains on all speakers but the 40 of the trials: ``id, wav_path, spk``; its
    test rows are trials, ``id1, id2, wav_path1, wav_path2, label`` (1: same speaker).
    """
    usage = options.iden_split or root / IDEN_SPLIT
    trials = options.trials or root / TRIALS
    listed = _check_usage(usage, task, pieces)
    if task == "asv":
        _check_trials(trials, listed, pieces)
    pieces.require()
    lists = {IDEN_SPLIT: usage}
    if task == "asv":
        lists[TRIALS] = trials
    with _folder_of(lists) as folder:
        return (_build_asv if task == "asv" else _build_sid)(root, folder, options)


def _build_sid(root: Path, folder: str, options: Options) -> Splits:
    from s3prl.dataio.corpus.voxceleb1sid import VoxCeleb1SID

    corpus = VoxCeleb1SID(str(root), options.num_jobs, cache_root=folder)
    return to_splits(corpus.data_split, _sid_rows)


def _sid_rows(utt: str, point: dict) -> Iterator[Row]:
    yield {"id": utt, "wav_path": str(point["wav_path"]), "label": point["label"]}


def _build_asv(root: Path, folder: str, options: Options) -> Splits:
    from s3prl.dataio.corpus.voxceleb1sv import VoxCeleb1SV

    corpus = VoxCeleb1SV(str(root), folder, force_download=False)
    train, valid, test, trials = corpus.all_data
    known = {**train, **valid}
    rows: list[Row] = [
        {
            "id": _stem(utt),
            "wav_path": known[utt]["wav_path"],
            "spk": utt.split("-")[0],
        }
        for utt in sorted(known)
    ]
    pairs: list[Row] = [
        {
            "id1": _stem(first),
            "id2": _stem(second),
            "wav_path1": test[first]["wav_path"],
            "wav_path2": test[second]["wav_path"],
            "label": label,
        }
        for label, first, second in dict.fromkeys(trials)  # a trial counts once
    ]
    return {"train": rows, "test": pairs}


def _stem(utt: str) -> str:
    return utt.removesuffix(".wav")  # the ids of sid


def _check_usage(path: Path, task: str, pieces: Pieces) -> set[str]:
    """Look for the audio of VGG's list ("1 id10001/1zcIwhmdeo4/00001.wav").

    Returns:
        The files that may stand in trials.
    """
    if not path.is_file():
        pieces.missing(path, "no such file (VGG's list of usage)")
    tests: set[str] = set()
    # one listing of the folders instead of 150 thousand questions to a file system
    there = {split: _files(pieces.folder(split, "wav")) for split in ("dev", "test")}
    for number, line in read_lines(path, pieces):
        code, _, name = line.strip().partition(" ")
        if code not in ("1", "2", "3") or not FILE.fullmatch(name):
            pieces.add(path, f"the line '{line}'", "'1|2|3 id/video/n.wav'", number)
            continue
        is_test = int(name[2:7]) in TEST_SPEAKERS
        homes = [split for split, names in there.items() if name in names]
        if is_test:
            tests.add(name)
        wanted = ["test"] if is_test else ["dev"]
        if (homes != wanted) if task == "asv" else (len(homes) != 1):
            found = "no audio" if len(homes) < 2 else "audio in dev and in test"
            pieces.add(path, found, f"{wanted[0]}/wav/{name}", number, name)
    return tests


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.glob("*/*/*.wav")}


def _check_trials(path: Path, known: set[str], pieces: Pieces) -> None:
    """Look for trials ("1 a.wav b.wav") of files that are no test utterances."""
    if not path.is_file():
        pieces.missing(path, "no such file (the trial list)")
    labels: dict[tuple[str, ...], tuple[str, int]] = {}
    for number, line in read_lines(path, pieces):
        label, *names = line.split() or [""]
        if label not in ("0", "1") or len(names) != 2:
            pieces.add(path, f"the line '{line}'", "'0|1 FILE FILE'", number)
            continue
        said, before = labels.setdefault(tuple(names), (label, number))
        if said != label:
            once = f"{said} as in line {before}"
            pieces.add(path, "a trial with the other label", once, number, names[0])
        for name in names:
            if name not in known:
                test = f"one of {IDEN_SPLIT} with id10270 to id10309"
                pieces.add(path, "a trial of an unknown utterance", test, number, name)


@contextmanager
def _folder_of(lists: dict[str, Path]) -> Iterator[str]:
    """Give a folder with the lists under the names that s3prl looks for."""
    with tempfile.TemporaryDirectory() as folder:
        for name, path in lists.items():
            (Path(folder) / name).symlink_to(path.resolve())
        yield folder
