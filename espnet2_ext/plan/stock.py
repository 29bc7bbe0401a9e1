"""Options that a template does not list: ESPnet's own, and mistyped ones.

A recipe of ESPnet runs with enh_ssl.sh in place of enh.sh: each option of enh.sh, of
the versions since 2022, is one of ours, or stands here.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from espnet2_ext.plan.systems import Options

# ESPnet's name -> ours, where both mean the same. The last four are of before 2024.
SAME: Mapping[str, str] = {
    "scoring_protocol": "scoring_metrics",
    "inference_asr_tag": "asr_tag",
    "spk_num": "ref_num",
    "skip_upload": "skip_packing",
    "dev_set": "valid_set",
    "eval_sets": "test_sets",
}


class Stock(NamedTuple):
    """An option of ESPnet that is not ours.

    Attributes:
        harmless: whether a value changes nothing here.
        instead: what to do about other values.
    """

    harmless: Callable[[str, Options], bool]
    instead: str


def _only(*values: str) -> Callable[[str, Options], bool]:
    return lambda value, options: value in values


def _always(value: str, options: Options) -> bool:
    return True


def _all_outputs(value: str, options: Options) -> bool:
    return value in ("", options.get("ref_num"))


def _has_recogniser(value: str, options: Options) -> bool:
    given = options.get("asr_exp") or options.get("asr_model_file")
    return value == "false" or bool(given)


LM = "leave it out; language models are given in the YAML of decoding"
# Patterns of names -> what their values are here.
STOCK: Mapping[str, Stock] = {
    "lang inference_lm": Stock(_always, ""),
    "ref_channel": Stock(_always, ""),  # all audio has one channel, or is refused
    "feats_type": Stock(_only("raw"), "expected raw: stage 3 always writes audio"),
    "inf_num": Stock(_all_outputs, "leave it out; models have --ref_num outputs"),
    "scoring_opts": Stock(
        _only(""), "expected what it asks for in --scoring_metrics: PESQ_WB, DNSMOS"
    ),
    "score_with_asr": Stock(
        _has_recogniser, "give --asr_exp or --asr_model_file for stages 9 and 10"
    ),
    "lm_exp": Stock(_only(""), LM),
    "nlsyms_txt": Stock(_only("", "none"), LM),
    "use_lm use_ngram": Stock(_only("false"), LM),
    "lm_* ngram_exp": Stock(_only(""), LM),
    "use_preprocessor dynamic_mixing": Stock(
        _only("false"), "leave it out; preprocessor: enh in the YAML does that"
    ),
    "is_tse_task variable_num_refs": Stock(
        _only("false"), "expected false; train such systems with ESPnet's own scripts"
    ),
    "extra_wav_list": Stock(
        _only(""), "leave it out; name files of the preprocessor by paths in the YAML"
    ),
    "download_model": Stock(
        _only(""), "give a trained system's directory as --enh_exp, see superb.sh"
    ),
}


def translate(options: Options, others: Options) -> tuple[dict[str, str], list[str]]:
    """Find what options mean that the template does not list.

    Args:
        options: name -> value, of all options of the template.
        others: name -> value, of options that it does not list.

    Returns:
        Values of the template's own options, and what is wrong with the rest.
    """
    ours = {SAME[name]: value for name, value in others.items() if name in SAME}
    meant = {name: value for name, value in ours.items() if name in options}
    problems = []
    for name, value in others.items():
        if SAME.get(name) not in meant:
            problems += _judge(name, value, {**options, **meant})
    return meant, problems


def _judge(name: str, value: str, options: Options) -> list[str]:
    for patterns, stock in STOCK.items():
        if any(fnmatchcase(name, pattern) for pattern in patterns.split()):
            if stock.harmless(value, options):
                return []
            return [f"found ESPnet's option --{name} '{value}'; {stock.instead}."]
    close = [option for option in options if name in option and len(name) > 3]
    close += difflib.get_close_matches(name, options, cutoff=0.75)
    hint = " ".join(f"--{option}" for option in dict.fromkeys(close))
    hint = f"; did you mean {hint}?" if hint else ""
    return [f"found invalid option --{name}{hint} (--help lists all)"]
