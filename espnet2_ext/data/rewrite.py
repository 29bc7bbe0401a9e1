"""Write audio made of other audio, utterance by utterance, in jobs of stage 7.

A killed run is resumed. Changed audio is processed again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from espnet2_ext.errors import UserError, shorten
from espnet2_ext.fileio.audio import read_audio, write_audio
from espnet2_ext.fileio.journal import Journal
from espnet2_ext.fileio.names import OutputFolder, check_ids
from espnet2_ext.fileio.scp import iter_scp, read_scp

Function = Callable[[Sequence[np.ndarray], int], np.ndarray]


def read_table(scp: Path, key_file: str | None) -> dict[str, str]:
    """Read the lines of ``scp`` whose ids are in ``key_file``; None means all.

    Raises:
        UserError: if an id is missing.
    """
    table = read_scp(scp)
    if key_file is None:
        return table
    keys = [key for _, key, _ in iter_scp(key_file)]
    if lost := [key for key in keys if key not in table]:
        raise UserError(
            f"{scp} lacks ids of {key_file}: {shorten(lost)}; split the keys again."
        )
    return {key: table[key] for key in keys}


def _read_all(sources: Sequence[str]) -> tuple[list[np.ndarray], int]:
    wavs, rates = zip(*map(read_audio, sources), strict=True)
    if len(set(rates)) > 1:
        raise UserError(
            f"{', '.join(sources)}: found rates {', '.join(map(str, rates))} Hz; "
            "expected one; format the audio again (stage 3)."
        )
    return list(wavs), rates[0]


def _digest(wavs: Sequence[np.ndarray], fs: int) -> str:
    digest = hashlib.sha256()
    for wav in wavs:
        digest.update(repr((fs, wav.shape)).encode() + wav.tobytes())
    return digest.hexdigest()


def _finite(wav: np.ndarray) -> np.ndarray:
    if not np.isfinite(wav).all():
        raise UserError("gives samples that are not finite numbers")
    return wav


def rewrite_audio(
    table: Mapping[str, Sequence[str]],
    out_dir: Path,
    settings: Mapping[str, Any],
    function: Function,
    doing: tuple[str, str],
) -> tuple[dict[str, str], int]:
    """Write ``out_dir/wavs/1/ID.wav`` for all of ``table`` (id -> audio, one or more).

    Args:
        table, out_dir: see above.
        settings: settings of ``function``; if they change, all audio is done again.
        function: ``(wavs, fs) -> wav``; it may raise ``UserError`` for an utterance.
        doing: label of the progress bar, and participle for messages ("denoised").

    Returns:
        id -> new file, and the number of files from an earlier run.

    Raises:
        UserError: listing the audio that failed, after all other audio is done.
    """
    from tqdm import tqdm

    done: dict[str, str] = {}
    problems: list[str] = []
    reused = 0
    check_ids(table, str(out_dir))
    inputs = [source for sources in table.values() for source in sources]
    folder = OutputFolder(out_dir / "wavs" / "1", inputs)
    with Journal(out_dir / ".journal.jsonl", settings) as journal:
        for utt, sources in tqdm(table.items(), desc=doing[0], mininterval=2):
            try:
                target = folder.path(utt, ".wav")
                wavs, fs = _read_all(sources)
                digest = _digest(wavs, fs)
                if target.is_file() and journal.get(utt, digest) is not None:
                    reused += 1
                else:
                    write_audio(target, _finite(function(wavs, fs)), fs)
                    journal.add(utt, digest, {})
                done[utt] = str(target)
            except UserError as error:
                problems.append(f"{utt}: {error}")
            except Exception as error:  # of a library, on this utterance
                problems.append(f"{utt}: {type(error).__name__}: {error}")
    if problems:
        raise UserError(
            f"{len(problems)} of {len(table)} utterances cannot be {doing[1]}:\n"
            + shorten(problems, "\n")
            + "\nCorrect the audio and run this again; the others are kept."
        )
    return done, reused
