"""The user's noise corpora: which files may disturb a test set, and their kinds.

Only recordings without speech are taken, and of WHAM! only its test part, because the
noise of a test should be unseen: enhancement trained on these corpora needs others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from espnet2_ext.corpora.description import Corpus
from espnet2_ext.corpora.pieces import Pieces
from espnet2_ext.errors import UserError, unknown_name
from espnet2_ext.fileio.names import safe_id


@dataclass(frozen=True)
class NoiseCorpus:
    """A noise corpus and the kinds of its files.

    Attributes:
        corpus: where it is and comes from.
        kinds: pattern of files -> kind of noise, as reports group it.
        every: whether each pattern has to match; else one of them.
    """

    corpus: Corpus
    kinds: Mapping[str, str]
    every: bool = True


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


def list_noises(roots: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """List the recordings of noise corpora.

    Args:
        roots: name of the corpus -> its folder.

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
            found = _list_corpus(NOISE_CORPORA[name], root)
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
