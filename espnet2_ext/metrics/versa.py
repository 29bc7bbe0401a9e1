"""A bridge to VERSA (Shi et al., 2025), for people who have it: ``versa-score``.

VERSA is no dependency, as it is on no registry. Its metrics become columns
``VERSA_<name>`` with the same intervals as all others, as far as this file knows which
way is better.
"""

from __future__ import annotations

import json
import math
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from espnet2_ext.errors import UserError, shorten
from espnet2_ext.fileio.digest import hash_file
from espnet2_ext.fileio.scp import write_scp
from espnet2_ext.metrics.quantity import VERSA_PREFIX, Quantity

PROGRAM = "versa-score"
LAST_LINES = 5  # of its log, in a message

# name in VERSA's output -> unit, whether higher is better
DIRECTIONS: dict[str, tuple[str, bool]] = {
    **dict.fromkeys(("utmos", "utmosv2", "nisqa_mos_pred"), ("MOS", True)),
    **dict.fromkeys(("nisqa_noi_pred", "nisqa_dis_pred"), ("MOS", True)),
    **dict.fromkeys(("nisqa_col_pred", "nisqa_loud_pred"), ("MOS", True)),
    **dict.fromkeys(("dns_overall", "dns_p808", "plcmos", "sheet_ssqa"), ("MOS", True)),
    **dict.fromkeys(("scoreq_nr", "pesq", "torch_squim_pesq"), ("MOS", True)),
    **dict.fromkeys(("spk_similarity", "emotion_similarity"), ("", True)),
    **dict.fromkeys(("singer_similarity", "speech_bert", "speech_bleu"), ("", True)),
    **dict.fromkeys(("stoi", "estoi", "torch_squim_stoi", "lps", "srmr"), ("", True)),
    **dict.fromkeys(("sdr", "sir", "sar", "si_snr", "ci_sdr"), ("dB", True)),
    **dict.fromkeys(("torch_squim_si_sdr", "se_si_snr", "se_sdr"), ("dB", True)),
    **dict.fromkeys(("mcd", "lsd"), ("dB", False)),
    **dict.fromkeys(("scoreq_ref", "noresqa_score", "warpq", "f0rmse"), ("", False)),
    "visqol": ("MOS", True),
    "f0corr": ("", True),
}


def versa_quantity(key: str) -> Quantity:
    """Describe a column ``VERSA_<name>``.

    Raises:
        KeyError: if it is not known which way is better.
    """
    name = key.removeprefix(VERSA_PREFIX)
    unit, higher = DIRECTIONS[name]
    return Quantity(key, f"VERSA {name}", unit, higher_is_better=higher, digits=3)


def versa_settings(config: Path) -> dict[str, str]:
    """Return what the numbers depend on: the content of the configuration.

    Raises:
        UserError: if the configuration or the program is not there.
    """
    if not config.is_file():
        raise UserError(f"--versa_config: found no {config}; expected VERSA's YAML.")
    if shutil.which(PROGRAM) is None:
        raise UserError(
            f"--versa_config: found no program {PROGRAM}; expected VERSA "
            "(github.com/wavlab-speech/versa) in this environment, or no such option."
        )
    return {config.name: hash_file(str(config))}


def score_with_versa(
    est: Mapping[str, str],
    ref: Mapping[str, str],
    text: Mapping[str, str],
    config: Path,
    work: Path,
) -> tuple[dict[str, dict[str, float | None]], list[str]]:
    """Score utterances by ``versa-score``.

    Args:
        est, ref: utterance -> path of estimate and reference.
        text: utterance -> what is said; used where it is known of all.
        config: VERSA's YAML of metrics.
        work: prefix of files for lists, output and log.

    Returns:
        utterance -> ``VERSA_<name>`` -> value, and the names that were left out, since
        it is not known which way is better.

    Raises:
        UserError: if the program fails, or says nothing of an utterance.
    """
    output, log = Path(f"{work}.out"), Path(f"{work}.log")
    files = {"score_config": config, "output_file": output}
    tables = {"pred": est, "gt": ref}
    if text.keys() >= est.keys():
        tables["text"] = text
    for name, table in tables.items():
        files[name] = Path(f"{work}.{name}")
        write_scp(files[name], table)
    command = [PROGRAM, "--io", "soundfile"]
    command += [word for n, file in files.items() for word in (f"--{n}", str(file))]
    with log.open("w", encoding="utf-8") as stream:
        done = subprocess.run(command, stdout=stream, stderr=stream, check=False)
    if done.returncode != 0 or not output.is_file():
        last = "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
        raise UserError(
            f"{PROGRAM} ended with {done.returncode}; {log} ends with:\n{last}\nTry "
            f"the command by hand: {shlex.join(command)}"
        )
    return _read(output, list(est))


def _read(
    output: Path, utts: Sequence[str]
) -> tuple[dict[str, dict[str, float | None]], list[str]]:
    found: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(output.read_text("utf-8").splitlines(), start=1):
        try:
            entry = json.loads(line.replace("Infinity", "NaN"))
            found[str(entry.pop("key"))] = entry
        except (ValueError, KeyError, AttributeError) as error:
            raise UserError(
                f"{output}:{number}: not a line of VERSA ({error!r}); expected an "
                "object with 'key'; another version?"
            ) from error
    if lost := [utt for utt in utts if utt not in found]:
        raise UserError(f"{output}: VERSA has no line for {shorten(lost)}.")
    names = dict.fromkeys(name for entry in found.values() for name in entry)
    known = [name for name in names if name in DIRECTIONS]
    values = {
        utt: {VERSA_PREFIX + name: _number(found[utt].get(name)) for name in known}
        for utt in utts
    }
    return values, [name for name in names if name not in DIRECTIONS]


def _number(value: object) -> float | None:
    """Return a finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
