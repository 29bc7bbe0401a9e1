import numpy as np
import pytest

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import write_audio
from espnet2_ext.superb.check import check_task, refuse
from espnet2_ext.superb.tasks import TASKS, parse_tasks, task_of


def problems_of(corpus, name):
    return check_task(task_of(name), corpus.superb_dir)[0]


def change(corpus, name, split, row, **values):
    """Overwrite values of a row (1 is the first one, in line 2)."""
    rows = corpus.read(name, split)
    rows[row - 1] |= values
    corpus.write(name, split, rows)


def only(problems):
    assert len(problems) == 1, [str(problem) for problem in problems]
    return problems[0]


@pytest.mark.parametrize("name", TASKS)
def test_good_manifests_have_no_problems(tiny_superb, name):
    problems, rows = check_task(task_of(name), tiny_superb.superb_dir)
    assert [str(problem) for problem in problems] == []
    assert rows == {s: len(tiny_superb.read(name, s)) for s in TASKS[name].splits}


def test_missing_file_and_missing_column_are_named(broken):
    (broken.superb_dir / "ks/valid.csv").unlink()
    rows = [
        {k: v for k, v in r.items() if k != "label"} for r in broken.read("ks", "test")
    ]
    broken.write("ks", "test", [row | {"text": "x"} for row in rows])
    missing, columns = problems_of(broken, "ks")
    assert str(missing).startswith(
        f"{broken.superb_dir}/ks/valid.csv:0: -: found no such"
    )
    assert columns.found == "no column 'label'; unknown column 'text'"
    assert columns.expected == "id,wav_path,label [,start_sec,end_sec]"


def test_all_problems_come_at_once_with_line_and_id(broken):
    change(broken, "sid", "train", 2, label=" ")
    change(broken, "sid", "valid", 1, label="eric")
    change(broken, "sid", "test", 3, wav_path="nowhere.wav")
    change(broken, "sid", "test", 4, id=broken.read("sid", "test")[0]["id"])
    found = {(p.kind, p.line): p for p in problems_of(broken, "sid")}
    assert set(found) == {("empty", 3), ("audio", 4), ("duplicate-id", 5)}
    # with an unusable training set nobody can say what is unseen
    assert found["empty", 3].utt == broken.read("sid", "train")[1]["id"]
    assert "nowhere.wav" in found["audio", 4].found
    assert "first in line 2" in found["duplicate-id", 5].found


def test_label_unseen_in_training(broken):
    change(broken, "sid", "valid", 1, label="eric")
    problem = only(problems_of(broken, "sid"))
    assert (problem.line, problem.found) == (2, "label not in train.csv: 'eric'")


def test_part_of_an_intent_unseen_in_its_place(broken):
    seen = {row["labels"].split(" ; ")[0] for row in broken.read("ic", "train")}
    change(broken, "ic", "test", 1, labels=f"{seen.pop()} ; off")
    assert only(problems_of(broken, "ic")).found.endswith("'2:off'")
    change(broken, "ic", "test", 1, labels="asa")
    kinds = {problem.kind for problem in problems_of(broken, "ic")}
    assert kinds == {"labels"}


@pytest.mark.parametrize(
    ("name", "column", "value", "found"),
    [
        ("asr", "transcription", "asa qi", "character not in train.csv: 'q'"),
        ("pr", "transcription", "A S EH", "phone not in train.csv: 'EH'"),
        ("sf", "iob", "O time", "slot not in train.csv: 'time'"),
        ("sf", "iob", "O", "2 words and 1 tags"),
        ("sf", "transcription", "as:a isu", "':' in it"),
    ],
)
def test_transcripts_outside_the_vocabulary(broken, name, column, value, found):
    change(broken, name, "test", 1, **{column: value})
    assert found in [problem.found for problem in problems_of(broken, name)]


def test_audio_at_another_rate_or_not_audio_at_all(broken, tmp_path):
    write_audio(tmp_path / "slow.wav", np.zeros(800, dtype=np.float32) + 0.1, 8000)
    (tmp_path / "text.wav").write_text("no audio")
    change(broken, "er", "test", 1, wav_path=str(tmp_path / "slow.wav"))
    change(broken, "er", "test", 2, wav_path=str(tmp_path / "text.wav"))
    change(broken, "er", "test", 3, wav_path=f"{tmp_path}/x.ark:7")
    rate, text, ark = sorted(problems_of(broken, "er"), key=lambda p: p.line)
    assert "8000 Hz" in rate.found
    assert "cannot be decoded" in text.found
    assert "archive" in ark.found


@pytest.mark.parametrize(
    ("start", "end"),
    [("0.5", "0.2"), ("-1", "1"), ("a", "1"), ("0.1", ""), ("0", "99")],
)
def test_segments_are_intervals_within_the_audio(broken, start, end):
    change(broken, "ks", "valid", 1, start_sec=start, end_sec=end)
    assert only(problems_of(broken, "ks")).kind == "segment"


def test_an_empty_segment_is_the_whole_file(broken):
    change(broken, "ks", "valid", 1, start_sec="", end_sec="")
    assert problems_of(broken, "ks") == []


def test_trials_with_unknown_audio_other_files_or_bad_labels(broken):
    rows = broken.read("asv", "test")
    other = next(row["wav_path1"] for row in rows if row["id1"] != rows[0]["id1"])
    change(broken, "asv", "test", 1, wav_path2="lost.wav")
    change(broken, "asv", "test", 2, wav_path1=other, label="same")
    found = {(problem.kind, problem.line) for problem in problems_of(broken, "asv")}
    assert {("audio", 2), ("two-files", 3), ("label", 3)} <= found


def test_trials_of_one_kind_and_training_of_one_speaker(broken):
    rows = broken.read("asv", "test")
    broken.write("asv", "test", [row for row in rows if row["label"] == "0"])
    rows = broken.read("asv", "train")
    broken.write("asv", "train", [row for row in rows if row["spk"] == "anna"])
    train, test = problems_of(broken, "asv")
    assert train.found == "only spk 'anna'"
    assert test.found == "only label 0"


def test_recordings_that_contradict_themselves(broken):
    change(broken, "sd", "test", 2, duration="9.0", speaker="two words")
    found = {problem.kind for problem in problems_of(broken, "sd")}
    assert found == {"recording", "duration", "space"}
    rows = broken.read("sd", "valid")
    extra = rows[0] | {"utt_id": "third", "speaker": "eva"}
    broken.write("sd", "valid", [*rows, extra])
    assert "3 speakers" in str(problems_of(broken, "sd")[0])


def test_broken_lines_of_the_file(broken):
    path = broken.superb_dir / "lid/train.csv"
    path.write_text(path.read_text() + "one,two\n\n")
    fields, empty = problems_of(broken, "lid")
    assert (fields.kind, fields.found, fields.utt) == ("fields", "2 fields", "one")
    assert empty.line == fields.line + 1
    path.write_bytes(b"id,wav_path,label\na,\xff,x\n")
    assert only(problems_of(broken, "lid")).kind == "encoding"
    path.write_text("id,wav_path,label\n")
    assert only(problems_of(broken, "lid")).kind == "no-rows"


def test_refusal_lists_every_problem_and_none_is_no_refusal(broken):
    refuse([], "nothing")
    change(broken, "sid", "valid", 1, label="eric")
    change(broken, "sid", "test", 2, label="fred")
    with pytest.raises(UserError, match=r"(?s)2 problems in x:.*fred.*eric"):
        refuse(problems_of(broken, "sid"), "x")


def test_unknown_task_is_refused_with_the_closest():
    with pytest.raises(UserError, match="Did you mean 'asv'"):
        parse_tasks("ks asvv")
    with pytest.raises(UserError, match="--tasks is empty"):
        parse_tasks(" ")
    assert [task.name for task in parse_tasks("ks pr ks")] == ["ks", "pr"]
