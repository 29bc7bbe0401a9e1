"""Results of probes and of an ESPnet ASR, written as stages 10 and 14 do; reading."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet2_ext.bin.report import get_parser, read_further
from espnet2_ext.plan.table import DENOISER
from espnet2_ext.report.cells import NBSP, Table
from espnet2_ext.report.comparison import Comparison, compare_all
from espnet2_ext.report.sources.scores import read_scored_set
from espnet2_ext.report.systems import read_systems

if TYPE_CHECKING:
    from tests.report.conftest import Corpus

Item = dict[str, Any]
CONDITIONS = ("clean", "noisy", "rnnoise", "a_seed0", "a_seed1", "b_seed0", "b_seed1")
ROWS = ["clean", "noisy", "RNNoise", "SE-SNR", "SE-SNR+SSL"]
# Right answers of 8, in the order of CONDITIONS.
SID = (8, 4, 3, 5, 3, 6, 6)
# Wrong phones of 10 in each of two utterances, and of 30 in a third.
PR = (0, 6, 8, 5, 7, 3, 3)
# Of 4 target and 4 other trials: scores so that so many targets are lost.
ASV = (0, 2, 1, 1, 1, 2, 2)


def write_lines(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def write_evaluation(
    root: Path,
    task: str,
    condition: str,
    value: float,
    items: Sequence[Item],
    **more: Any,
) -> Path:
    """Write ``<root>/<task>/evaluate/<condition>``; ``root`` ends in the upstream."""
    folder = root / task / "evaluate" / condition
    write_lines(folder / "predictions.jsonl", items)
    result = {
        "task": task,
        "upstream": root.name,
        "condition": condition,
        "metric": "any",
        "value": value,
        "unit": "%",
        "higher_is_better": True,
        "items": len(items),
        **more,
    }
    (folder / "result.json").write_text(json.dumps(result))
    return folder


def classified(correct: Sequence[int]) -> list[Item]:
    return [
        {"id": f"k{n}", "label": "a", "prediction": "a" if c else "b", "correct": c}
        for n, c in enumerate(correct)
    ]


def transcribed(errors: Sequence[int], words: Sequence[int]) -> list[Item]:
    return [
        {"id": f"p{n}", "sub": e, "del": 0, "ins": 0, "words": w}
        for n, (e, w) in enumerate(zip(errors, words, strict=True))
    ]


def trials(scores: Sequence[float], labels: Sequence[int]) -> list[Item]:
    return [
        {"id1": f"a{n}", "id2": f"b{n}", "label": label, "score": score}
        for n, (score, label) in enumerate(zip(scores, labels, strict=True))
    ]


def slots(counts: Sequence[tuple[int, int, int]]) -> list[Item]:
    return [
        {"id": f"s{n}", "tp": tp, "fp": fp, "fn": fn}
        for n, (tp, fp, fn) in enumerate(counts)
    ]


def write_asr(folder: Path, utts: Sequence[str], wer: int, cer: int) -> None:
    """Write ``scores.jsonl``: ``wer`` of 10 words, ``cer`` of 40 characters wrong."""

    def count(errors: int, words: int) -> Item:
        return {"sub": errors, "del": 0, "ins": 0, "words": words, "hyp": "x"}

    lines = [{"id": u, "wer": count(wer, 10), "cer": count(cer, 40)} for u in utts]
    write_lines(folder / "scores.jsonl", lines)


def asv_scores(lost: int) -> list[float]:
    """EER lost/4: as many targets below as others above 0."""
    right, wrong = (
        [2.0] * (4 - lost) + [-1.0] * lost,
        [-2.0] * (4 - lost) + [1.0] * lost,
    )
    return right + wrong


def fill(corpus: Corpus) -> Corpus:
    """Scores of a denoiser, three tasks with one upstream, one with another, an ASR."""
    superb = corpus.root / "exp" / "superb"
    for number, name in enumerate(CONDITIONS):
        correct = [1] * SID[number] + [0] * (8 - SID[number])
        write_evaluation(
            superb / "fbank", "sid", name, 100 * SID[number] / 8, classified(correct)
        )
        errors = [PR[number], PR[number], 0]
        wavlm = superb / "wavlm_base_plus"
        write_evaluation(
            wavlm, "pr", name, 2 * 2 * PR[number], transcribed(errors, [10, 10, 30])
        )
        items = trials(asv_scores(ASV[number]), [1] * 4 + [0] * 4)
        write_evaluation(wavlm, "asv", name, 25 * ASV[number], items)
    denoised = corpus.root / "exp" / "rnnoise" / "enhanced_test_en"
    corpus.write(denoised / "scoring", 5, 7)
    (denoised / "spk1.scp").write_text((corpus.data / "wav.scp").read_text())
    write_asr(corpus.data / "asr_char_clean", corpus.utts, 0, 0)
    write_asr(corpus.data / "asr_char_noisy", corpus.utts, 4, 10)
    write_asr(denoised / "asr_char", corpus.utts, 5, 12)
    for name, wer, cer in (("a", 6, 8), ("b", 3, 9)):
        for seed in (0, 1):
            folder = corpus.exp(name, seed) / "enhanced_test_en" / "asr_char"
            write_asr(folder, corpus.utts, wer, cer)
    rnnoise = corpus.row("RNNoise", corpus.root / "exp/rnnoise", DENOISER)
    corpus.compare(rnnoise, *corpus.rows())
    return corpus


def options(corpus: Corpus) -> list[str]:
    return [
        *corpus.arguments,
        *("--superb_dir", str(corpus.root / "exp" / "superb")),
        *("--asr_tag", "char", "--num_examples", "0"),
    ]


def read(corpus: Corpus, *more: str) -> Comparison:
    args = get_parser().parse_args([*options(corpus), *more])
    systems = read_systems(args.systems)
    scored = read_scored_set(args.dumpdir, "test_en", systems)
    return compare_all([scored], read_further(args, systems), systems, "SE-SNR")


def column(table: Table, start: str) -> dict[str, str]:
    (index,) = [i for i, text in enumerate(table.header) if text.startswith(start)]
    return {row[0].text: row[index].text.replace(NBSP, " ") for row in table.rows}


def headers(table: Table) -> list[str]:
    return [text.replace(NBSP, " ") for text in table.header]
