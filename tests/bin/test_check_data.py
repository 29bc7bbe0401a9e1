import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.data.conftest import data_dir  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "espnet2_ext.bin.check_data", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'egs2/debian_speech'}"},
    )


def test_good_data_ends_with_0_and_a_summary(data_dir):  # noqa: F811
    done = run(data_dir, "--fs", 16000, "--nj", 1)
    assert done.returncode == 0
    assert done.stdout == f"{data_dir}: OK (0 errors, 0 warnings)\n"


def test_one_bad_directory_among_several_ends_with_1(data_dir, tmp_path):  # noqa: F811
    done = run(data_dir, tmp_path / "lost", "--nj", 1)
    assert done.returncode == 1
    assert f"{data_dir}: OK" in done.stdout
    assert f"{tmp_path}/lost: NOT OK (1 errors, 0 warnings)" in done.stdout
    assert "found no such directory" in done.stdout


def test_warnings_alone_end_with_0(data_dir):  # noqa: F811
    (data_dir / "text").unlink()
    done = run(data_dir, "--no_audio", "--nj", 1)
    assert done.returncode == 0
    assert "warning: found no such file" in done.stdout
    assert "OK (0 errors, 1 warnings)" in done.stdout


def test_no_audio_option_does_not_open_files(data_dir):  # noqa: F811
    (data_dir / "audio/wav/a-1.wav").write_bytes(b"no audio")
    assert run(data_dir, "--no_audio", "--nj", 1).returncode == 0
    assert run(data_dir, "--nj", 1).returncode == 1


def test_number_of_lines_shown_can_be_chosen(data_dir):  # noqa: F811
    for path in (data_dir / "audio/wav").glob("*.wav"):
        path.unlink()
    done = run(data_dir, "--max_per_kind", 1, "--nj", 1)
    assert done.stdout.count("missing-audio") == 1
    assert "2 more like these" in done.stdout
    assert "NOT OK (3 errors" in done.stdout


@pytest.mark.parametrize("words", [("--fs", "0"), ("--nj", "0")])
def test_impossible_option_is_one_line_and_code_2(data_dir, words):  # noqa: F811
    done = run(data_dir, *words)
    assert done.returncode == 2
    assert done.stderr.startswith("ERROR: found")
    assert len(done.stderr.splitlines()) == 1


def test_neither_the_checker_nor_the_corpus_imports_torch():
    modules = "espnet2_ext.bin.check_data, corpus.prepare, espnet2_ext.data.simulate"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'egs2/debian_speech'}"},
        check=False,
    )
    assert done.returncode == 0
