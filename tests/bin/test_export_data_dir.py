from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from espnet2_ext.bin.export_data_dir import main
from espnet2_ext.fileio.audio import write_audio


@pytest.mark.parametrize(("words", "speaker"), [((), "u"), (("utterance",), "u1")])
def test_directory_is_written_with_the_speakers_asked_for(
    tmp_path: Path,
    words: tuple[str, ...],
    speaker: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_audio(tmp_path / "u1.wav", np.zeros(160, np.float32), 16000)
    (tmp_path / "spk1.scp").write_text(f"u1 {tmp_path / 'u1.wav'}\n")
    (tmp_path / "text").write_text("u1 some words\n")
    (tmp_path / "utt2spk").write_text("u1 u\n")
    main(
        [
            *("--scp", str(tmp_path / "spk1.scp"), "--data_dir", str(tmp_path)),
            *(
                "--out_dir",
                str(tmp_path / "out"),
                *(["--speaker", *words][: 2 * len(words)]),
            ),
        ]
    )
    assert (tmp_path / "out/utt2spk").read_text() == f"u1 {speaker}\n"
    assert capsys.readouterr().out == f"{tmp_path / 'out'}: 1 utterances\n"
