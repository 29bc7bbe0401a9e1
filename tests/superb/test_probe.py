"""All tasks, trained and evaluated; the probes are trained once for this file."""

import json
import logging
import shutil
from pathlib import Path

import pytest
import torch

from espnet2_ext.bin.superb import main
from espnet2_ext.errors import UserError
from espnet2_ext.superb.evaluation import evaluate
from espnet2_ext.superb.problems import CsvProblem
from espnet2_ext.superb.run import build_views, make_probes
from espnet2_ext.superb.tasks import TASKS, task_of
from espnet2_ext.superb.training import train
from tests.superb.tiny_conf import SETTINGS, write_settings

ROOT = Path(__file__).resolve().parents[2]
WHISPER = str(ROOT / "conf/ssl/whisper_tiny_en_early.yaml")  # whose name is not its
SEQUENCES = ("pr", "asr", "sf", "sd")  # fbank is enough for these
UPSTREAM = {name: "fbank" if name in SEQUENCES else WHISPER for name in TASKS}
TAG = {name: Path(upstream).stem for name, upstream in UPSTREAM.items()}


class Lab:
    """Directories and options that all tests share."""

    def __init__(self, corpus, root):
        self.corpus, self.exp_dir = corpus, root / "exp"
        self.conf_dir = write_settings(root / "conf")
        self.clean, self.noisy = corpus.add_noise(0, tuple(TASKS))

    def options(self, name, **changes):
        return {
            "superb_dir": self.corpus.superb_dir,
            "upstream": UPSTREAM[name],
            "conf_dir": self.conf_dir,
            "exp_dir": self.exp_dir,
            "num_threads": 1,
            **changes,
        }

    def run(self, step, names, *more, **changes):
        options = self.options(names[0], **changes).items()
        pairs = [str(word) for key, value in options for word in (f"--{key}", value)]
        main([step, "--tasks", " ".join(names), *pairs, *more])

    def evaluate(self, names, *conditions, **changes):
        clean = ["--clean_scp", str(self.clean)]
        self.run("evaluate", names, *clean, "--condition", *conditions, **changes)

    def probe(self, name, **changes):
        """The probe itself, for what the command line does not show."""
        options = self.options(name, **changes, device="cpu", max_store_gb=1)
        return make_probes([task_of(name)], **options)[0]

    def folder(self, name):
        return self.exp_dir / TAG[name] / name

    def result(self, name, condition):
        folder = self.folder(name) / "evaluate" / condition
        lines = (folder / "predictions.jsonl").read_text().splitlines()
        return json.loads((folder / "result.json").read_text()), [
            *map(json.loads, lines)
        ]


@pytest.fixture(scope="module")
def lab(tiny_superb, tmp_path_factory):
    """All ten tasks trained, and evaluated clean and noisy."""
    root = tmp_path_factory.mktemp("lab")
    corpus = tiny_superb.copy(root)
    lab = Lab(corpus, root)
    for names in (SEQUENCES, [name for name in TASKS if name not in SEQUENCES]):
        lab.run("train", names)
        lab.evaluate(names, f"clean={lab.clean}", f"noisy={lab.noisy}")
    return lab


# percent on clean speech that a head must reach; chance is far off
AT_LEAST = {"ks": 60, "ic": 25, "sid": 50, "er": 70, "lid": 70, "sf": 70}
CHANCE = {"ks": 25, "ic": 7, "sid": 25, "er": 50, "lid": 50}
AT_MOST = {"pr": 40, "asr": 50, "asv": 40, "sd": 20}


@pytest.mark.parametrize("name", TASKS)
def test_every_task_learns(lab, name):
    result, _ = lab.result(name, "clean")
    if name in AT_LEAST:
        assert result["value"] >= AT_LEAST[name] > CHANCE.get(name, 0)
    else:
        assert result["value"] <= AT_MOST[name]


# what s3prl calls the value in its own metrics, a fraction
THEIRS = {name: task.metric for name, task in TASKS.items() if name != "sd"}


@pytest.mark.parametrize("name", THEIRS)
@pytest.mark.parametrize("condition", ["clean", "noisy"])
def test_value_from_the_items_is_s3prls_own(lab, name, condition):
    result, _ = lab.result(name, condition)
    assert result["value"] == pytest.approx(100 * result["all"][THEIRS[name]], abs=1e-3)


@pytest.mark.parametrize("name", TASKS)
def test_result_says_what_it_is_and_predictions_cover_the_test_set(lab, name):
    result, items = lab.result(name, "noisy")
    task = TASKS[name]
    upstream = "fbank" if name in SEQUENCES else "whisper_tiny_en"
    found = tuple(result[key] for key in ("task", "upstream", "tag"))
    assert found == (name, upstream, TAG[name])
    assert (result["condition"], result["unit"]) == ("noisy", "%")
    assert result["higher_is_better"] == task.statistic.higher_is_better
    key = {"asv": "id1", "sd": "record_id"}.get(name, "id")
    expected = [row[key] for row in lab.corpus.read(name, "test")]
    found = [item["id1" if name == "asv" else "id"] for item in items]
    assert sorted(found) == sorted(set(expected) if name == "sd" else expected)
    assert result["items"] == len(items)


@pytest.mark.parametrize("name", TASKS)
def test_all_conditions_have_the_same_head(lab, name):
    clean, noisy = (lab.result(name, c)[0] for c in ("clean", "noisy"))
    assert clean["head"] == noisy["head"]
    assert clean["fingerprint"] != noisy["fingerprint"]
    if name == "sd":
        for tuned in ("threshold", "median_filter"):
            assert clean[tuned] == noisy[tuned]


def test_step_of_verification_is_the_best_on_clean_trials(lab):
    head = lab.probe("asv").head()
    steps = SETTINGS["asv"]["train"]
    assert head["step"] in range(steps["save_step"], steps["total_steps"] + 1)
    probe = lab.probe("asv")
    from espnet2_ext.superb.evaluation import test_items as items_of

    csv = probe.csv("test")
    other = steps["total_steps"] + steps["save_step"] - head["step"]
    mine, theirs = (
        probe.task.statistic.value(items_of(probe, csv, {"step": step})[0])
        for step in (head["step"], other)
    )
    assert mine <= theirs


def test_checkpoints_hold_the_head_only(lab):
    for name in ("ks", "asr"):
        states = list(lab.folder(name).glob("s3prl/train/*/model/state_dict.pt"))
        assert states
        for path in states:
            names = torch.load(path).keys()
            assert {n.split(".")[0] for n in names} <= {"featurizer", "downstream"}


def test_what_is_done_is_not_done_again(lab, capsys):
    before = {p: p.stat().st_mtime_ns for p in lab.exp_dir.rglob("*.json*")}
    lab.run("train", ["ks", "er"])
    lab.evaluate(["ks", "er"], f"clean={lab.clean}", f"noisy={lab.noisy}")
    out = capsys.readouterr().out
    assert out.count("trained before") == 2
    assert out.count("evaluated before") == 4
    assert {p: p.stat().st_mtime_ns for p in before} == before


def test_result_of_before_learns_its_upstream_and_keeps_its_numbers(lab, capsys):
    path = lab.folder("ks") / "evaluate/noisy/result.json"
    whole = path.read_text()
    before = json.loads(whole)
    before["upstream"] = before.pop("tag")  # as it was written then
    path.write_text(json.dumps(before))
    lab.evaluate(["ks"], f"noisy={lab.noisy}")
    assert "evaluated before" in capsys.readouterr().out
    assert json.loads(path.read_text()) == json.loads(whole)


def test_audio_made_anew_is_evaluated_anew_and_nothing_else(lab, capsys):
    view = lab.probe("lid").view("noisy")
    first = view.read_text().splitlines()[1].split(",")[1]
    shutil.copy(first, first + ".new")
    Path(first + ".new").replace(first)
    lab.evaluate(["lid"], f"clean={lab.clean}", f"noisy={lab.noisy}")
    out = capsys.readouterr().out
    assert out.count("evaluated before") == 1
    assert "lid noisy: accuracy" in out.split("evaluated before)")[1]


@pytest.mark.parametrize("changed", ["csv", "setting", "upstream"])
def test_a_directory_of_another_probe_is_refused(lab, tmp_path, changed):
    exp_dir = tmp_path / "exp"
    shutil.copytree(lab.folder("er"), exp_dir / TAG["er"] / "er")
    changes = {"exp_dir": exp_dir}
    if changed == "csv":
        corpus = lab.corpus.copy(tmp_path)
        corpus.write("er", "train", corpus.read("er", "train")[1:])
        changes["superb_dir"] = corpus.superb_dir
        message = r"manifests\.train '"
    elif changed == "setting":
        conf = {"build_optimizer": {"conf": {"lr": 0.5}}}
        changes["conf_dir"] = write_settings(tmp_path / "conf", er=conf)
        message = r"build_optimizer\.conf\.lr 0\.003 there, 0\.5 here"
    else:
        (exp_dir / "whisper_tiny_en_early").rename(exp_dir / "fbank")
        changes["upstream"] = "fbank"
        message = r"upstream\.upstream 'whisper_tiny_en' there, 'fbank' here"
    files = {p: p.read_bytes() for p in exp_dir.rglob("*") if p.is_file()}
    with pytest.raises(UserError, match="belongs to another probe:\n(?s:.*)" + message):
        lab.run("train", ["er"], **changes)
    with pytest.raises(UserError, match="belongs to another probe"):
        evaluate(lab.probe("er", **changes), "clean")
    assert {p: p.read_bytes() for p in files} == files


def test_killed_training_goes_on_from_its_last_checkpoint(
    lab, tmp_path, monkeypatch, caplog
):
    changes = {"exp_dir": tmp_path / "exp"}
    saves, save_model = [], CsvProblem.save_model

    def kill(self, save_model_conf, model_ckpt_dir, *rest):
        saves.append(Path(model_ckpt_dir).parent.name)
        save_model(self, save_model_conf, model_ckpt_dir, *rest)
        if len(saves) == 3:  # valid_best and step_30 are complete, this one is not
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(CsvProblem, "save_model", kill)
        with pytest.raises(KeyboardInterrupt):
            train(lab.probe("er", **changes))
    probe = lab.probe("er", **changes)
    assert saves[:2] == ["valid_best", "step_30"]
    assert probe.head() is None
    with pytest.raises(UserError, match="'er' is not trained"):
        evaluate(probe, "clean")
    with caplog.at_level(logging.INFO, logger="s3prl.problem.base"):
        assert train(probe)
    assert f"Loading checkpoints from {probe.target_dir}/train/step_30" in caplog.text
    assert probe.head()["total_steps"] == 60
    build_views([probe], str(lab.clean), {"clean": str(lab.clean)})
    assert evaluate(probe, "clean")[0]["value"] >= AT_LEAST["er"]


def test_training_can_be_lengthened_but_not_shortened(lab, tmp_path):
    exp_dir = tmp_path / "exp"
    shutil.copytree(lab.folder("lid"), exp_dir / TAG["lid"] / "lid")
    longer = {**SETTINGS["lid"]["train"], "total_steps": 90}
    conf = write_settings(tmp_path / "conf", lid={"train": longer})
    changes = {"exp_dir": exp_dir, "conf_dir": conf}
    assert train(lab.probe("lid", **changes))
    assert lab.probe("lid", **changes).head()["total_steps"] == 90
    with pytest.raises(UserError, match=r"trained for 90 steps, found .* 60"):
        train(lab.probe("lid", exp_dir=exp_dir))


def test_a_training_of_too_short_utterances_is_refused(lab, tmp_path):
    too_long = {"build_dataset": {"train": {"min_secs": 9.0}}}
    conf_dir = write_settings(tmp_path / "conf", asv=too_long)
    probe = lab.probe("asv", exp_dir=tmp_path / "exp", conf_dir=conf_dir)
    with pytest.raises(UserError, match=r"drops all of 9\.0 s or less; lower build_da"):
        train(probe)


def test_two_processes_do_not_share_a_directory(lab):
    from espnet2_ext.superb.probe import locked

    probe = lab.probe("ks")
    with locked(probe), pytest.raises(UserError, match="another process works here"):
        train(probe)


def test_features_are_shared_by_tasks_and_runs(lab):
    store = lab.probe("sid").upstream.store
    kept = len(list(store.directory.glob("*/*.npy")))
    spoken = sum(map(len, lab.corpus.spoken.values()))
    noisy = len(lab.corpus.spoken["test"])
    # whole utterances serve ic, sid, er, lid and the test of asv; ks has segments
    assert spoken + noisy < kept <= 2 * (spoken + noisy)
