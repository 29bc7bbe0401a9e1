import importlib
import importlib.util
import io
import sys

import pandas
import pytest
import torchaudio

from espnet2_ext.superb.compat import audio_info, s3prl_problem
from espnet2_ext.superb.problems import (
    CsvProblem,
    is_complete,
    keep_previous,
    problem_of,
    repair,
    text_columns,
)
from espnet2_ext.superb.tasks import TASKS


def checkpoint(path, content, complete=True):
    (path / "model").mkdir(parents=True)
    (path / "model" / "state_dict.pt").write_text(content)
    (path / "config.yaml").write_text("null\n" if complete else "")
    return path


def content(path):
    return (path / "model" / "state_dict.pt").read_text()


def test_half_written_checkpoints_go_and_complete_ones_stay(tmp_path):
    train = tmp_path / "train"
    checkpoint(train / "step_10", "ten")
    checkpoint(train / "step_20", "half", complete=False)
    checkpoint(train / "valid_best", "best")
    repair(tmp_path)
    assert sorted(path.name for path in train.iterdir()) == ["step_10", "valid_best"]


def test_a_kill_while_the_best_head_is_replaced_gives_the_old_one_back(tmp_path):
    best = checkpoint(tmp_path / "train" / "valid_best", "old")
    keep_previous(best)
    assert not best.exists()
    (best / "model").mkdir(parents=True)  # s3prl had begun to write the new one
    (best / "model" / "state_dict.pt").write_text("ne")
    assert not is_complete(best)
    repair(tmp_path)
    assert content(best) == "old"
    assert is_complete(best)


def test_a_kill_right_after_the_old_head_was_set_aside_loses_nothing(tmp_path):
    best = checkpoint(tmp_path / "train" / "valid_best", "old")
    keep_previous(best)
    repair(tmp_path)
    assert content(best) == "old"


def test_half_written_lengths_go(tmp_path):
    folder = tmp_path / "train_stats"
    folder.mkdir()
    (folder / "0.json").write_text('{"x_len": 16000}')
    (folder / "1.json").write_text('{"x_len": 16')
    repair(tmp_path)
    assert [path.name for path in folder.iterdir()] == ["0.json"]


def test_ids_and_labels_stay_text_and_segments_numbers():
    text = "id,wav_path,label,start_sec,end_sec\n007,a.wav,NA,,\n1.0,b.wav,3,0.5,1\n"
    with text_columns():
        table = pandas.read_csv(io.StringIO(text))
    assert table["id"].tolist() == ["007", "1.0"]
    assert table["label"].tolist() == ["NA", "3"]
    assert table["start_sec"].isna().tolist() == [True, False]
    assert table["end_sec"][1] == 1.0
    assert pandas.read_csv(io.StringIO(text))["label"].isna()[0]  # as it was


def test_s3prls_problems_import_and_leave_no_stand_in():
    absent = [n for n in ("sed_eval", "dcase_util") if not importlib.util.find_spec(n)]
    problem = s3prl_problem()
    assert s3prl_problem() is problem
    assert not set(absent) & set(sys.modules)
    for task in TASKS.values():
        assert issubclass(
            problem_of(task), (CsvProblem, getattr(problem, task.problem))
        )


def test_what_torchaudio_lacks_is_there(tiny_superb):
    s3prl_problem()
    path = tiny_superb.spoken["test"][0][3]
    info = torchaudio.info(str(path))
    assert (info.sample_rate, info.num_channels) == (16000, 1)
    assert info.num_frames == audio_info(path).num_frames > 16000
    assert callable(torchaudio.sox_effects.apply_effects_tensor)


def test_what_the_user_has_is_left_alone(monkeypatch):
    from espnet2_ext.superb import compat

    mine = object()
    monkeypatch.setattr(torchaudio, "info", mine, raising=False)
    monkeypatch.setattr(torchaudio, "sox_effects", mine, raising=False)
    monkeypatch.setattr(pandas.Series, "iteritems", mine, raising=False)
    compat.complete_torchaudio()
    compat.complete_pandas()
    assert torchaudio.info is torchaudio.sox_effects is mine
    assert pandas.Series.iteritems is mine


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("name", ["chunk", "sed_eval", "dcase_util"])
def test_what_is_only_imported_is_replaced_while_it_is_absent(name, there, monkeypatch):
    from espnet2_ext.superb import compat

    mine = object()
    monkeypatch.setattr(compat, "_installed", lambda _: there)
    if there:
        monkeypatch.setitem(sys.modules, name, mine)
    else:  # as in Python 3.13, and restored afterwards
        monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.setattr(sys, "path", [])
    with compat._unused_imports():
        module = importlib.import_module(name)
        assert (module is mine) is there
    assert sys.modules.get(name) is (mine if there else None)


@pytest.mark.parametrize("name", TASKS)
def test_defaults_are_s3prls_and_settings_ours_fit(name):
    from pathlib import Path

    from espnet2_ext.superb.config import merge, read_fragment

    defaults = problem_of(TASKS[name])().default_config()
    conf_dir = Path(__file__).resolve().parents[2] / "conf/superb/demo"
    config = merge(defaults, read_fragment(conf_dir, TASKS[name]), TASKS[name])
    assert config["train"]["total_steps"] < defaults["train"]["total_steps"]
    plain = merge(defaults, {}, TASKS[name])
    assert plain["train"] == defaults["train"]
    assert plain["build_optimizer"] == defaults["build_optimizer"]
