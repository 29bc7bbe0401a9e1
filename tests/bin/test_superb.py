import subprocess
import sys

import pytest

from espnet2_ext.bin.superb import main
from espnet2_ext.errors import UserError
from tests.superb.tiny_superb import TinySuperb


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return TinySuperb(tmp_path_factory.mktemp("superb"), (4, 1, 2))


def command(*arguments):
    full = [sys.executable, "-m", "espnet2_ext.bin.superb", *map(str, arguments)]
    return subprocess.run(full, capture_output=True, text=True, check=False)


def test_check_counts_the_rows_of_good_manifests(corpus):
    data = ("--superb_dir", corpus.superb_dir)
    done = command("check", *data, "--tasks", "pr asv")
    assert (done.returncode, done.stderr) == (0, "")
    assert "pr: 0 problems; rows: train 16, valid 4, test 8\n" in done.stdout


def test_check_reports_the_problems_of_all_tasks_with_exit_code_two(corpus, tmp_path):
    broken = corpus.copy(tmp_path)
    rows = broken.read("pr", "test")
    broken.write("pr", "test", [rows[0] | {"transcription": "A QQ"}, *rows[1:]])
    (broken.superb_dir / "sid/train.csv").unlink()
    done = command("check", "--superb_dir", broken.superb_dir, "--tasks", "pr sid ks")
    assert done.returncode == 2
    assert "ks: 0 problems" in done.stdout
    assert "ERROR: 2 problems in the manifests" in done.stderr
    assert f"{broken.superb_dir}/pr/test.csv:2: {rows[0]['id']}: found" in done.stderr
    assert f"{broken.superb_dir}/sid/train.csv:0" in done.stderr


@pytest.mark.parametrize("step", ["train", "evaluate"])
def test_bad_manifests_stop_before_anything_is_written(corpus, tmp_path, step):
    broken = corpus.copy(tmp_path)
    (broken.superb_dir / "ks/valid.csv").unlink()
    more = ["--clean_scp", "a", "--condition", "x=b"] if step == "evaluate" else []
    arguments = ["--tasks", "ks", "--upstream", "fbank", "--exp_dir", tmp_path / "exp"]
    data = ["--superb_dir", broken.superb_dir]
    with pytest.raises(UserError, match=r"ks/valid\.csv:0"):
        main([step, *map(str, data + arguments), *more])
    assert not (tmp_path / "exp").exists()


def test_unknown_task_is_refused(corpus):
    with pytest.raises(UserError, match="Did you mean 'sid'"):
        main(["check", "--superb_dir", str(corpus.superb_dir), "--tasks", "side"])


def test_check_needs_neither_torch_nor_s3prl(corpus):
    code = (
        "import sys; from espnet2_ext.bin.superb import main; "
        f"main(['check', '--superb_dir', {str(corpus.superb_dir)!r}, '--tasks', 'pr']);"
        "print(sorted({'torch', 's3prl'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
