"""Make a given ESPnet recogniser usable from any directory, and check it.

Writes, into ``--out_dir``, ``config.yaml`` with absolute paths, and ``flags``: the
options for ``espnet2.bin.asr_inference``, one word a line. The recogniser is either an
experiment directory (``--asr_exp``) or a file (``--asr_model_file``): weights with
``config.yaml`` beside them, an archive of ``espnet2.bin.pack``, which is unpacked, or
the tag of one on a hub, which is downloaded.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from espnet2_ext.asr.resolve import Flags, check_decoding, find_files, resolve
from espnet2_ext.errors import run_main
from espnet2_ext.fileio.scp import atomic_write


def get_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--asr_exp", type=Path, help="holds config.yaml and the weights")
    given.add_argument("--asr_model_file", type=Path, help="weights, archive or tag")
    add("--inference_asr_model", default="valid.acc.ave.pth", help="within --asr_exp")
    add("--asr_config", type=Path, help="default: config.yaml beside the weights")
    add("--inference_config", type=Path, help="YAML of decoding, to check")
    add("--fs", default="16k", help="sampling rate of what will be decoded")
    add("--out_dir", required=True, type=Path)
    return parser


def as_words(flags: Flags) -> Iterable[str]:
    """Spell flags out as command-line words."""
    for name, value in flags.items():
        yield from (f"--{name}", value)


def main(argv: Sequence[str] | None = None) -> None:
    """Find, check, write."""
    args = get_parser().parse_args(argv)
    if args.inference_config is not None:
        check_decoding(args.inference_config)
    model = args.asr_model_file or args.asr_exp / args.inference_asr_model
    found = find_files(model, args.asr_config, args.out_dir / "unpacked")
    flags = resolve(found, args.fs, args.out_dir)
    with atomic_write(args.out_dir / "flags") as stream:
        stream.writelines(f"{word}\n" for word in as_words(flags))
    print(f"{args.out_dir}: {flags['asr_model_file']}")


if __name__ == "__main__":
    run_main(main)
