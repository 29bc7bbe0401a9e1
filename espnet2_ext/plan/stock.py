"""Options that a template does not list: ESPnet's own, and mistyped ones."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from fnmatch import fnmatchcase

from espnet2_ext.plan.systems import Options

# ESPnet's name -> ours, where both mean the same.
SAME: Mapping[str, str] = {
    "scoring_protocol": "scoring_metrics",
    "spk_num": "ref_num",
    "inference_asr_tag": "asr_tag",
}
# Patterns of names of ESPnet's options -> what to do instead.
INSTEAD: Mapping[str, str] = {
    "scoring_opts": "expected what it asks for in --scoring_metrics: PESQ_WB, DNSMOS",
    "score_with_asr": "give --asr_exp or --asr_model_file for stages 9 and 10",
    "download_model": "give a trained system's directory as --enh_exp, see superb.sh",
    "feats_type use_preprocessor": "leave it out; stage 3 always writes audio",
    "inf_num noise_type_num": "leave it out; models have --ref_num outputs, one noise",
    "skip_upload skip_upload_hf hf_repo": "leave it out; nothing is uploaded",
    "use_lm lm_* inference_lm use_ngram ngram_exp nlsyms_txt": (
        "leave it out; language models are given in the YAML of decoding"
    ),
    "use_dereverb_ref dereverb_ref_num is_tse_task variable_num_refs extra_wav_list": (
        "leave it out; train such systems with ESPnet's own enh.sh"
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
    meant, problems = {}, []
    for name, value in others.items():
        ours = SAME.get(name, "")
        if ours in options:
            meant[ours] = value
        else:
            problems.append(_answer(name, options))
    return meant, problems


def _answer(name: str, options: Options) -> str:
    for patterns, instead in INSTEAD.items():
        if any(fnmatchcase(name, pattern) for pattern in patterns.split()):
            return f"found ESPnet's option --{name}; {instead}."
    close = [option for option in options if name in option and len(name) > 3]
    close += difflib.get_close_matches(name, options, cutoff=0.75)
    hint = " ".join(f"--{option}" for option in dict.fromkeys(close))
    hint = f"; did you mean {hint}?" if hint else ""
    return f"found invalid option --{name}{hint} (--help lists all)"
