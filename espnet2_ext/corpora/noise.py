"""The user's noise corpora: which files may disturb which set, and their kinds.

Only recordings without speech are taken. WHAM! has parts of its own; the files of other
corpora are divided by their names, where one corpus serves training and test.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from espnet2_ext.corpora.description import Corpus
from espnet2_ext.corpora.pieces import Pieces
from espnet2_ext.errors import UserError, unknown_name
from espnet2_ext.fileio.digest import stable_int
from espnet2_ext.fileio.names import safe_id


@dataclass(frozen=True)
class NoiseCorpus:
    """A noise corpus and the kinds of its files.

    Attributes:
        corpus: where it is and comes from.
        kinds: pattern of files -> kind of noise, as reports group it.
        every: whether each pattern has to match; else one of them.
        parts: patterns of its own training and validation part; those of ``kinds`` are
            then its test part.
    """

    corpus: Corpus
    kinds: Mapping[str, str]
    every: bool = True
    parts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


_DEMAND = {
    "D": "domestic",
    "N": "nature",
    "O": "office",
    "P": "public",
    "S": "street",
    "T": "transportation",
}

NOISE_CORPORA: dict[str, NoiseCorpus] = {
    noise.corpus.name: noise
    for noise in (
        NoiseCorpus(
            Corpus(
                "dns",
                "the noise of the DNS Challenge (3, 4 or 5)",
                "DNS",
                "https://github.com/microsoft/DNS-Challenge: its download script "
                "(noise only is enough; no registration)",
                (
                    "datasets/noise/*.wav, or",
                    "datasets_fullband/noise_fullband/*.wav",
                ),
            ),
            {
                "datasets/noise/*.wav": "dns",
                "datasets_fullband/noise_fullband/*.wav": "dns",
            },
            every=False,
        ),
        NoiseCorpus(
            Corpus(
                "wham",
                "WHAM! noise (wham_noise)",
                "WHAM",
                "http://wham.whisper.ai: wham_noise.zip (no registration)",
                ("tt/*.wav  (the test part)",),
            ),
            {"tt/*.wav": "wham"},
            parts={"train": {"tr/*.wav": "wham"}, "valid": {"cv/*.wav": "wham"}},
        ),
        NoiseCorpus(
            Corpus(
                "musan",
                "MUSAN",
                "MUSAN",
                "OpenSLR resource 17, https://www.openslr.org/17: musan.tar.gz "
                "(no registration)",
                ("noise/{free-sound,sound-bible}/*.wav", "music/<source>/*.wav"),
            ),
            {"noise/*/*.wav": "musan_noise", "music/*/*.wav": "musan_music"},
        ),
        NoiseCorpus(
            Corpus(
                "demand",
                "DEMAND (16 or 48 kHz)",
                "DEMAND",
                "https://zenodo.org/record/1227121: one archive a scene, e.g. "
                "DKITCHEN_16k.zip (no registration)",
                ("<SCENE>/ch01.wav  (DKITCHEN, NPARK, ...; the first channel)",),
            ),
            {f"{k}*/ch01.wav": f"demand_{name}" for k, name in _DEMAND.items()},
            every=False,
        ),
    )
}


PARTS = ("train", "valid", "test")
CHANGED_SPEED = re.compile(r"sp(08|12)$")  # copies that LibriMix adds to WHAM!


def list_noises(
    roots: Mapping[str, str], part: str = ""
) -> tuple[dict[str, str], dict[str, str]]:
    """List the recordings of noise corpora.

    Args:
        roots: name of the corpus -> its folder.
        part: ``train``, ``valid`` or ``test``, which have no file in common; empty:
            the test part of WHAM!, and all of the others.

    Returns:
        ({id: file}, {id: kind}), the files absolute.

    Raises:
        UserError: with everything that is missing in all of them.
    """
    files: dict[str, str] = {}
    kinds: dict[str, str] = {}
    problems = []
    for name, root in roots.items():
        if name not in NOISE_CORPORA:
            raise unknown_name("noise corpus", name, NOISE_CORPORA)
        try:
            found = _list_part(NOISE_CORPORA[name], root, part)
        except UserError as error:
            problems.append(str(error))
            continue
        for utt, (path, kind) in found.items():
            files[utt], kinds[utt] = path, kind
    if problems:
        raise UserError("\n".join(problems))
    if not files:
        raise UserError(
            f"found no noise corpora; expected one of {', '.join(NOISE_CORPORA)}."
        )
    return files, kinds


def divide(ids: Collection[str]) -> dict[str, str]:
    """Divide files by their names: a tenth for valid and test, one at least, each.

    Returns:
        id -> part; the order in which they are drawn hangs on the names alone.
    """
    ranked = sorted(ids, key=lambda id_: stable_int(f"noise part {id_}"))
    tenth = max(1, len(ranked) // 10)
    parts = ["valid"] * tenth + ["test"] * tenth
    return {
        id_: parts[n] if n < len(parts) else "train" for n, id_ in enumerate(ranked)
    }


def _list_part(noise: NoiseCorpus, root: str, part: str) -> dict[str, tuple[str, str]]:
    if noise.parts:
        kinds = noise.parts.get(part, noise.kinds)
        found = _list_corpus(replace(noise, kinds=kinds), root)
        return {k: v for k, v in found.items() if not CHANGED_SPEED.search(k)}
    found = _list_corpus(noise, root)
    parts = divide(found)
    return {k: v for k, v in found.items() if part in ("", parts[k])}


def _list_corpus(noise: NoiseCorpus, root: str) -> dict[str, tuple[str, str]]:
    corpus = noise.corpus
    if not root:
        raise UserError(f"{corpus.variable} of db.sh is empty; {corpus.help_text()}")
    pieces = Pieces(corpus, root)
    found: dict[str, tuple[str, str]] = {}
    for pattern, kind in noise.kinds.items():
        # files that begin with a dot are leftovers of other operating systems
        paths = [x for x in sorted(pieces.root.glob(pattern)) if x.name[0] != "."]
        if noise.every and not paths:
            pieces.missing(pieces.root / pattern, "no such files")
        for path in paths:
            parts: Sequence[str] = path.relative_to(pieces.root).with_suffix("").parts
            found[safe_id(corpus.name, *parts)] = str(path), kind
    if not found and not noise.every:
        pieces.missing(pieces.root, "no recordings")
    _check_sizes([Path(path) for path, _ in found.values()], pieces)
    pieces.require()
    return found


def _check_sizes(paths: Sequence[Path], pieces: Pieces) -> None:
    for path in paths:
        if path.stat().st_size <= 44:  # a wav header and nothing
            pieces.missing(path, "no audio in the file")
