"""Groups of utterances by a file ``utt2*`` of a test set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from espnet2_ext.errors import UserError, unknown_name
from espnet2_ext.fileio.scp import read_scp

SNR = "utt2snr"
EDGES = (2.0, 4.0, 8.0, 16.0)  # s, of the groups of durations


def read_groups(
    data: Path, utts: Sequence[str], file: str
) -> tuple[str, dict[str, list[str]]] | None:
    """Group utterances by their value in ``<data>/<file>``.

    SNRs and other numbers stand in their order; durations (``utt2dur`` in seconds,
    ``utt2num_samples`` at the rate of the noisy audio) are put in ranges.

    Args:
        data: directory of the test set.
        utts: ids; those without a value are in no group.
        file: its name, e.g. ``"utt2noise"``.

    Returns:
        What they are grouped by, and printed value -> ids; ``None`` where there is no
        value of any utterance.

    Raises:
        UserError: if a duration is not a number.
    """
    values = read_scp(data / file) if (data / file).is_file() else {}
    known = {utt: values[utt] for utt in utts if utt in values}
    if not known:
        return None
    name = file.removeprefix("utt2")
    if file in ("utt2dur", "utt2num_samples"):
        name, known = "duration", _ranges(data, file, known)
    elif file == SNR:
        name = "input SNR"
    groups: dict[str, list[str]] = {}
    for value in sorted(set(known.values()), key=_order):
        label = f"{value} dB" if file == SNR else value
        groups[label] = [utt for utt in known if known[utt] == value]
    return name, groups


def check_files(data: Path, files: Sequence[str]) -> None:
    """Check that a test set has the files.

    Raises:
        UserError: naming the one that it does not have.
    """
    there = sorted(path.name for path in data.glob("utt2*"))
    for file in files:
        if file not in there:
            raise unknown_name(f"file of {data} in --by", file, there)


def _order(value: str) -> tuple[float, str]:
    try:
        return float(value.split(" ")[0]), value
    except ValueError:
        return float("inf"), value


def _ranges(data: Path, file: str, known: Mapping[str, str]) -> dict[str, str]:
    rate = _rate(data) if file == "utt2num_samples" else 1
    bounds = (0.0, *EDGES, float("inf"))
    names = {}
    for utt, text in known.items():
        try:
            seconds = float(text) / rate
        except ValueError as error:
            raise UserError(
                f"{data / file}: '{utt}': found '{text}', expected a number; make the "
                "file again (stage 3)."
            ) from error
        place = sum(seconds >= edge for edge in EDGES)
        low, high = bounds[place : place + 2]
        names[utt] = f"{low:g} s up" if high == bounds[-1] else f"{low:g} to {high:g} s"
    return names


def _rate(data: Path) -> int:
    import soundfile

    path = next(iter(read_scp(data / "wav.scp").values()))
    return int(soundfile.info(path).samplerate)
