from __future__ import annotations

from pathlib import Path

import pytest

from espnet2_ext.bin import asr_results, score_asr
from tests.metrics.test_asr_scores import HYP, REF, write


def test_errors_are_scored_printed_and_drawn_into_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, output = tmp_path / "out", tmp_path / "RESULTS.md"
    score_asr.main(
        [
            *("--ref", write(tmp_path / "text", REF)),
            *("--hyp", write(tmp_path / "hyp", HYP)),
            *("--out_dir", str(out)),
        ]
    )
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"{out}/score_wer/result.txt: WER 50.0 %"
    assert printed[1].startswith(f"{out}/score_cer/result.txt: CER ")
    arguments = ["--title", "ASR", "--asr_dir", f"t/x={out}", "--output", str(output)]
    asr_results.main(arguments)
    text = output.read_text(encoding="utf-8")
    assert text == capsys.readouterr().out
    assert text.startswith("# ASR\n\n## WER (%, of words; lower is better)\n")
    assert "|t/x|3|6|66.7|16.7|16.7|16.7|50.0|66.7|" in text
    command = f"python -m espnet2_ext.bin.asr_results {' '.join(arguments)}"
    assert text.endswith(f"Command: `{command}`\n")
