"""VoxCeleb1: identification and verification from local lists only."""

import socket

import pytest


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("this asks the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr("os.system", refuse)  # s3prl's way to call wget


def test_identification_follows_the_list_of_usage(manifests, corpus):
    root = corpus("voxceleb1")
    made = manifests("sid")
    found = {s: [(r["id"], r["label"]) for r in rows] for s, rows in made.items()}
    assert found == {
        "train": [
            ("id10001-1zcIwhmdeo4-00001", "speaker_0"),
            ("id10002-0_laIeN-Q44-00001", "speaker_1"),
            ("id10270-5r0dWxy17C8-00001", "speaker_269"),
        ],
        "valid": [
            ("id10001-7gWzIy6yIIk-00001", "speaker_0"),
            ("id10270-5r0dWxy17C8-00002", "speaker_269"),
        ],
        "test": [
            ("id10001-9mQ11vBs1wc-00003", "speaker_0"),
            ("id10309-0b1inHMAr6o-00001", "speaker_308"),
        ],
    }
    paths = [row["wav_path"] for row in made["train"]]
    assert paths[0] == f"{root}/dev/wav/id10001/1zcIwhmdeo4/00001.wav"
    assert paths[2] == f"{root}/test/wav/id10270/5r0dWxy17C8/00001.wav"


def test_verification_trains_on_all_but_the_speakers_of_the_trials(manifests, corpus):
    root = corpus("voxceleb1")
    made = manifests("asv")
    assert set(made) == {"train", "test"}
    assert [(row["id"], row["spk"]) for row in made["train"]] == [
        ("id10001-1zcIwhmdeo4-00001", "id10001"),
        ("id10001-7gWzIy6yIIk-00001", "id10001"),
        ("id10001-9mQ11vBs1wc-00003", "id10001"),
        ("id10002-0_laIeN-Q44-00001", "id10002"),
    ]
    assert [(r["id1"], r["id2"], r["label"]) for r in made["test"]] == [
        ("id10270-5r0dWxy17C8-00001", "id10270-5r0dWxy17C8-00002", "1"),
        ("id10270-5r0dWxy17C8-00001", "id10309-0b1inHMAr6o-00001", "0"),
    ]
    last = made["test"][1]
    assert last["wav_path2"] == f"{root}/test/wav/id10309/0b1inHMAr6o/00001.wav"


def test_lists_may_lie_elsewhere_under_any_name(manifests, corpus, tmp_path):
    root = corpus("voxceleb1")
    (root / "iden_split.txt").rename(tmp_path / "usage")
    (root / "voxceleb1_test_v2.txt").rename(tmp_path / "veri_test2.txt")
    words = ("--iden_split", tmp_path / "usage")
    made = manifests("asv", *words, "--trials", tmp_path / "veri_test2.txt")
    assert len(made["test"]) == 2


def test_lists_that_are_missing_are_not_downloaded(refusal, corpus):
    root = corpus("voxceleb1")
    (root / "iden_split.txt").unlink()
    (root / "voxceleb1_test_v2.txt").unlink()
    text = refusal("asv")
    assert "iden_split.txt:0" in text
    assert "voxceleb1_test_v2.txt:0" in text
    assert "openslr.org/49" in text


def test_trial_that_is_listed_twice_counts_once(manifests, corpus):
    path = corpus("voxceleb1") / "voxceleb1_test_v2.txt"
    path.write_text(path.read_text() * 2)
    assert [row["label"] for row in manifests("asv")["test"]] == ["1", "0"]


def test_trial_with_two_labels_is_refused(refusal, corpus):
    path = corpus("voxceleb1") / "voxceleb1_test_v2.txt"
    path.write_text(path.read_text() + "0" + path.read_text().splitlines()[0][1:])
    text = refusal("asv")
    assert "test_v2.txt:3" in text
    assert "found a trial with the other label; expected 1 as in line 1" in text


def test_missing_audio_and_unknown_trials_are_listed(refusal, corpus):
    root = corpus("voxceleb1")
    (root / "dev/wav/id10002/0_laIeN-Q44/00001.wav").unlink()
    (root / "test/wav/id10309/0b1inHMAr6o/00001.wav").unlink()
    with open(root / "iden_split.txt", "a", encoding="utf-8") as stream:
        stream.write("4 id10001/x/00001.wav\n")
    with open(root / "voxceleb1_test_v2.txt", "a", encoding="utf-8") as stream:
        stream.write("1 id10270/5r0dWxy17C8/00001.wav id10001/1zcIwhmdeo4/00001.wav\n")
    text = refusal("asv")
    assert "has 4 problems" in text
    assert "iden_split.txt:4: id10002/0_laIeN-Q44/00001.wav: found no audio" in text
    assert "iden_split.txt:7: id10309/0b1inHMAr6o/00001.wav: found no audio" in text
    assert "iden_split.txt:8: -: found the line '4 id10001/x/00001.wav'" in text
    assert "test_v2.txt:3: id10001/1zcIwhmdeo4/00001.wav: found a trial of" in text


def test_corpus_whose_test_part_was_never_unpacked_stays_readable(refusal, corpus):
    import shutil

    shutil.rmtree(corpus("voxceleb1") / "test")
    text = refusal("sid")
    assert "test/wav:0: -: found no such folder" in text
    assert "has 4 problems" in text


def test_set_without_utterances_is_named(refusal, corpus):
    path = corpus("voxceleb1") / "iden_split.txt"
    kept = [x for x in path.read_text().splitlines() if not x.startswith("2")]
    path.write_text("\n".join(kept) + "\n")
    assert "found no utterance for the valid set of sid" in refusal("sid")
