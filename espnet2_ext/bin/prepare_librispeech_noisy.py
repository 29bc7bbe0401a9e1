r"""Noisy LibriSpeech: clean training speech to mix on the fly, mixed sets to judge by.

python -m espnet2_ext.bin.prepare_librispeech_noisy --corpus_dir LibriSpeech \
    --train_noise wham=DIR --train_noise musan=DIR --test_noise demand=DIR

writes OUT_DIR/train (clean; mixture and reference are the same), OUT_DIR/noise_train
(noises.scp, utt2type, rirs.scp), OUT_DIR/valid, OUT_DIR/test_seen (other files of the
training noise) and OUT_DIR/test_unseen (noise of the corpora in --test_noise).
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from espnet2_ext.corpora.librispeech import LIBRISPEECH, ReadSpeech, read_part
from espnet2_ext.corpora.noise import NOISE_CORPORA, list_noises
from espnet2_ext.data.noise_source import Pools
from espnet2_ext.data.noisy_set import MixOptions, make_noisy_set
from espnet2_ext.errors import UserError, run_main
from espnet2_ext.fileio.scp import utt2spk_to_spk2utt, write_scp

ROOMS = "simulated_rirs/*/*/*.wav"  # of RIRS_NOISES


def get_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    known = "\n\n".join(
        f"{name}: {noise.corpus.help_text()}" for name, noise in NOISE_CORPORA.items()
    )
    parser = argparse.ArgumentParser(
        prog="python -m espnet2_ext.bin.prepare_librispeech_noisy",
        description=__doc__,
        epilog=f"{LIBRISPEECH.help_text()}\n\n{known}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--corpus_dir", default="", help="folder of LibriSpeech")
    add("--train_parts", default="train-clean-100", help="e.g. of 100 and 360")
    add("--train_noise", action="append", default=[], metavar="NAME=DIR")
    add("--test_noise", action="append", default=[], metavar="NAME=DIR")
    add("--rirs_dir", help="folder of RIRS_NOISES (OpenSLR 28); rooms to train in")
    add("--valid_snrs", default="-5 0 5 10 15", help="in dB")
    add("--test_snrs", default="0 5 10 15", help="in dB; each utterance gets one")
    add("--max_valid_utts", type=int, default=600, help="of dev-clean; 0: all")
    add("--max_test_utts", type=int, default=0, help="of test-clean; 0: all")
    add(
        "--allow_partial", action="store_true", help="accept fewer files than published"
    )
    add("--seed", type=int, default=0, help="of every random choice")
    add("--nj", type=int, default=os.cpu_count() or 1, help="parallel processes")
    add("--out_dir", type=Path, default=Path("data"))
    return parser


def read_roots(words: Sequence[str], option: str) -> dict[str, str]:
    """Read ``NAME=DIR`` words.

    Raises:
        UserError: if one has another form.
    """
    roots = dict(word.partition("=")[::2] for word in words)
    if odd := [word for word in words if "=" not in word]:
        raise UserError(f"found {option} {odd[0]}; expected NAME=DIR.")
    return roots


def pools_of(files: Mapping[str, str], kinds: Mapping[str, str], what: str) -> Pools:
    """Sort noise files by kind.

    Raises:
        UserError: if there are none.
    """
    pools: dict[str, list[tuple[str, str]]] = {}
    for id_ in sorted(files):
        pools.setdefault(kinds[id_], []).append((id_, files[id_]))
    if not pools:
        raise UserError(
            f"found no noise for {what}; expected three files of a corpus or more, "
            "which are divided; name another corpus."
        )
    return pools


def evenly(speech: Mapping[str, ReadSpeech], most: int) -> dict[str, ReadSpeech]:
    """Choose evenly spaced utterances, so that every speaker stays in."""
    ids = list(speech)
    if not most or most >= len(ids):
        return dict(speech)
    return {
        id_: speech[id_] for id_ in (ids[n * len(ids) // most] for n in range(most))
    }


def write_train(folder: Path, speech: Mapping[str, ReadSpeech]) -> None:
    """Write clean speech as mixture and reference; wav.scp comes last."""
    utt2spk = {id_: one.speaker for id_, one in speech.items()}
    write_scp(folder / "utt2spk", utt2spk)
    write_scp(folder / "spk2utt", utt2spk_to_spk2utt(utt2spk))
    write_scp(folder / "text", {id_: one.text for id_, one in speech.items()})
    for name in ("spk1.scp", "wav.scp"):
        write_scp(folder / name, {id_: one.path for id_, one in speech.items()})
    print(f"{folder}: {len(speech)} utterances, {len(set(utt2spk.values()))} speakers")


def write_noise(folder: Path, roots: Mapping[str, str], rirs_dir: str | None) -> None:
    """Write the lists that `preprocessor: on_the_fly` reads.

    Raises:
        UserError: if there is no noise, or no room in ``rirs_dir``.
    """
    files, kinds = list_noises(roots, "train")
    pools_of(files, kinds, "training")
    if rirs_dir:
        paths = sorted(Path(rirs_dir).glob(ROOMS))
        if not paths:
            raise UserError(
                f"{rirs_dir}: found no {ROOMS}; expected RIRS_NOISES of OpenSLR 28."
            )
        rooms = {f"{p.parent.parent.name}-{p.stem}": p.resolve() for p in paths}
        write_scp(folder / "rirs.scp", rooms)
        print(f"{folder}/rirs.scp: {len(rooms)} rooms")
    write_scp(folder / "utt2type", kinds)
    write_scp(folder / "noises.scp", files)
    for kind, count in sorted(Counter(kinds.values()).items()):
        print(f"{folder}/noises.scp: {count} recordings of {kind}", flush=True)


def mix(
    folder: Path,
    speech: Mapping[str, ReadSpeech],
    pools: Pools,
    snrs: str,
    args: argparse.Namespace,
) -> None:
    """Mix a set once, with its words and speakers."""
    values = tuple(float(word) for word in snrs.split())
    tables = {
        "utt2spk": {id_: one.speaker for id_, one in speech.items()},
        "text": {id_: one.text for id_, one in speech.items()},
    }
    audio = {id_: str(one.path) for id_, one in speech.items()}
    options = MixOptions(values, args.seed)
    make_noisy_set(
        audio, pools, folder, options, args.nj, tables, lambda x: print(x, flush=True)
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Write the sets; see ``--help``."""
    args = get_parser().parse_args(argv)
    if not args.corpus_dir:
        raise UserError(
            f"{LIBRISPEECH.variable} of db.sh is empty; {LIBRISPEECH.help_text()}"
        )
    train_roots = read_roots(args.train_noise, "--train_noise")
    test_roots = read_roots(args.test_noise, "--test_noise")
    if both := sorted(train_roots.keys() & test_roots.keys()):
        raise UserError(
            f"found {' '.join(both)} in --train_noise and --test_noise; expected other "
            "corpora in the second; test_seen has other files of the first."
        )
    noise = {part: list_noises(train_roots, part) for part in ("valid", "test")}
    unseen = list_noises(test_roots) if test_roots else None

    def read(part: str) -> dict[str, ReadSpeech]:
        return read_part(args.corpus_dir, part, args.allow_partial)

    train: dict[str, ReadSpeech] = {}
    for part in args.train_parts.split():
        train |= read(part)
    valid = evenly(read("dev-clean"), args.max_valid_utts)
    test = evenly(read("test-clean"), args.max_test_utts)
    out = args.out_dir
    write_noise(out / "noise_train", train_roots, args.rirs_dir)
    write_train(out / "train", dict(sorted(train.items())))
    mix(out / "valid", valid, pools_of(*noise["valid"], "valid"), args.valid_snrs, args)
    seen = pools_of(*noise["test"], "test_seen")
    mix(out / "test_seen", test, seen, args.test_snrs, args)
    if unseen:
        pools = pools_of(*unseen, "test_unseen")
        mix(out / "test_unseen", test, pools, args.test_snrs, args)


if __name__ == "__main__":
    run_main(main)
