"""IEMOCAP: four emotions, sessions as folds."""

import json

import pytest


def sessions(rows):
    return {row["id"][:5] for row in rows}


@pytest.mark.parametrize("fold", range(5))
def test_fold_is_a_session_and_the_others_are_divided(manifests, fold):
    made = manifests("er", "--fold", fold)
    assert sessions(made["test"]) == {f"Ses0{fold + 1}"}
    # 2 dialogues of 5 utterances with the four emotions (neu hap exc ang sad)
    assert {split: len(rows) for split, rows in made.items()} == {
        "train": 32,
        "valid": 8,
        "test": 10,
    }
    rest = {f"Ses0{number}" for number in range(1, 6)} - {f"Ses0{fold + 1}"}
    assert sessions(made["train"]) | sessions(made["valid"]) == rest
    ids = [row["id"] for rows in made.values() for row in rows]
    assert len(set(ids)) == 50


def test_excitement_counts_as_happiness_and_other_labels_are_dropped(manifests, corpus):
    root = corpus("iemocap")
    rows = {row["id"]: row for row in manifests("er")["test"]}
    dialogue = "Ses01F_impro01"
    assert {utt: row["label"] for utt, row in rows.items() if dialogue in utt} == {
        f"{dialogue}_F000": "neu",
        f"{dialogue}_M001": "hap",
        f"{dialogue}_F002": "hap",
        f"{dialogue}_M003": "ang",
        f"{dialogue}_F004": "sad",
    }
    assert rows[f"{dialogue}_F000"]["wav_path"] == (
        f"{root}/Session1/sentences/wav/{dialogue}/{dialogue}_F000.wav"
    )


def test_published_split_decides_who_is_drawn(manifests, tmp_path):
    """The draw is s3prl's: torch's generator with seed 0 over the published order."""
    import torch
    from torch.utils.data import random_split

    others = [row["id"] for row in manifests("er")["train"]][::-1]
    items = {
        "train": [f"x/{utt}.wav" for utt in others],
        "test": ["x/Ses01F_impro01_F000.wav"],
    }
    for part, paths in items.items():
        path = tmp_path / f"split/Session1/{part}_meta_data.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"meta_data": [{"path": x} for x in paths]}))
    made = manifests("er", "--split_dir", tmp_path / "split")
    torch.manual_seed(0)  # as s3prl's iemocap_for_superb does
    train, valid = random_split(others, [25, 7])
    assert {row["id"] for row in made["train"]} == set(train)
    assert {row["id"] for row in made["valid"]} == set(valid)
    assert [row["id"] for row in made["test"]] == ["Ses01F_impro01_F000"]


def test_published_split_of_other_audio_is_refused(refusal, tmp_path):
    folder = tmp_path / "split/Session1"
    folder.mkdir(parents=True)
    text = json.dumps({"meta_data": [{"path": "x/Ses09F_impro01_F000.wav"}]})
    (folder / "train_meta_data.json").write_text(text)
    assert "test_meta_data.json:0" in refusal("er", "--split_dir", tmp_path / "split")
    (folder / "test_meta_data.json").write_text(text)
    text = refusal("er", "--split_dir", tmp_path / "split")
    assert "Ses09F_impro01_F000: found no audio of four emotions" in text


def test_lost_sessions_dialogues_and_lines_are_listed(refusal, corpus):
    import shutil

    root = corpus("iemocap")
    shutil.rmtree(root / "Session5")
    (root / "Session2/dialog/EmoEvaluation/Ses02F_impro01.txt").unlink()
    path = root / "Session3/dialog/EmoEvaluation/Ses03F_impro01.txt"
    text = path.read_text().splitlines(keepends=True)
    path.write_text("".join(x for x in text if "Ses03F_impro01_M003" not in x))
    text = refusal("er")
    assert "has 4 problems" in text
    assert "Session5/sentences/wav:0: -: found no such folder" in text
    assert "Session5/dialog/EmoEvaluation:0: -: found no such folder" in text
    assert "Ses02F_impro01.txt:0: -: found no such file" in text
    assert "Ses03F_impro01.txt:0: Ses03F_impro01_M003: found no emotion" in text
