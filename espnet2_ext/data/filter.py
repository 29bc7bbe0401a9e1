"""Keep the utterances of a data directory whose length is between two bounds."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.lists import OTHER, SPEAKER, list_kind
from espnet2_ext.fileio.scp import (
    atomic_write,
    copy_list,
    iter_scp,
    read_scp,
    utt2spk_to_spk2utt,
    write_scp,
)

MADE_HERE = {"spk2utt", "feats_type"}


def kept_keys(
    lengths: dict[str, str], min_samples: int, max_samples: int
) -> dict[str, int]:
    """Return the utterances with ``min_samples < length < max_samples``."""
    numbers = {key: int(value) for key, value in lengths.items()}
    return {key: n for key, n in numbers.items() if min_samples < n < max_samples}


def filter_table(source: Path, target: Path, keep: Collection[str]) -> None:
    """Copy the lines of ``source`` whose first word is in ``keep``."""
    with atomic_write(target) as stream:
        for _, key, value in iter_scp(source):
            if key in keep:
                stream.write(f"{key} {value}".rstrip() + "\n")


def filter_directory(
    in_dir: Path, out_dir: Path, min_samples: int, max_samples: int
) -> tuple[int, int]:
    """Filter the lists of a formatted data directory, by utterance or by speaker.

    Lists about neither are copied.

    Returns:
        The number of utterances kept and of all.

    Raises:
        UserError: if nothing would be left.
    """
    lengths = read_scp(in_dir / "utt2num_samples")
    keep = kept_keys(lengths, min_samples, max_samples)
    if not keep:
        values = sorted(map(int, lengths.values())) or [0, 0]
        raise UserError(
            f"{in_dir}: no utterance left; expected lengths strictly between "
            f"{min_samples} and {max_samples} samples, found "
            f"{values[0]} to {values[-1]}; change --min_wav_duration or "
            "--max_wav_duration."
        )
    utt2spk = read_scp(in_dir / "utt2spk") if (in_dir / "utt2spk").is_file() else {}
    speakers = {spk for utt, spk in utt2spk.items() if utt in keep}
    names = sorted(path.name for path in in_dir.iterdir() if path.is_file())
    names.sort(key=lambda name: name == "wav.scp")  # last: it says "complete"
    for name in names:
        if name.startswith(".") or name in MADE_HERE:
            continue
        kind = list_kind(in_dir / name, lengths, set(utt2spk.values()))
        if kind == OTHER:
            copy_list(in_dir / name, out_dir / name)
        else:
            kept = speakers if kind == SPEAKER else keep
            filter_table(in_dir / name, out_dir / name, kept)
    if utt2spk:
        kept_utt2spk = {utt: spk for utt, spk in utt2spk.items() if utt in keep}
        write_scp(out_dir / "spk2utt", utt2spk_to_spk2utt(kept_utt2spk))
    with atomic_write(out_dir / "feats_type") as stream:
        stream.write("raw\n")
    return len(keep), len(lengths)
