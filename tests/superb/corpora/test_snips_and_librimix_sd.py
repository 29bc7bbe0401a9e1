"""Audio SNIPS and Libri2Mix, whose parsers import all of s3prl.problem (once here)."""

import shutil

from espnet2_ext.superb.tasks import TASKS


def test_words_are_cleaned_and_every_word_keeps_its_slot(manifests, corpus):
    root = corpus("snips")
    made = manifests("sf")
    assert {split: len(rows) for split, rows in made.items()} == {
        "train": 8,
        "valid": 4,
        "test": 4,
    }
    assert tuple(made["train"][0]) == TASKS["sf"].columns
    assert made["train"][0] == {
        "id": "Ivy-snips-train-7",
        "wav_path": f"{root}/train/Ivy-snips-train-7.wav",
        # the full stop and its slot go; s3prl maps Ö to O and writes & as AND
        "transcription": "PLAY BJORK AND FRIENDS",
        "iob": "O artist artist artist",
    }
    assert made["valid"][0]["iob"] == "O O O rating_value"
    assert made["test"][3]["transcription"] == "WEATHER IN PARIS"


def test_voices_of_another_set_are_not_used(manifests):
    assert {row["id"].split("-")[0] for row in manifests("sf")["valid"]} == {
        "Aditi",
        "Amy",
        "Geraint",
        "Nicole",
    }


def test_lost_voices_words_and_slots_are_listed(refusal, corpus):
    root = corpus("snips")
    (root / "train/Ivy-snips-train-7.wav").unlink()
    path = root / "all.iob.snips.txt"
    text = path.read_text().splitlines()
    kept = [line for line in text if not line.startswith("Amy")]
    kept = [x.replace(" city ", " ") if x.startswith("Emma") else x for x in kept]
    path.write_text("\n".join(kept) + "\n")
    for path in (root / "valid").glob("[AN]*.wav"):
        path.unlink()
    text = refusal("sf")
    number = next(n for n, x in enumerate(kept, 1) if x.startswith("Emma"))
    assert f"snips.txt:{number}: Emma-snips-test-7: found words and slots" in text
    for name in ("train/Ivy", "valid/Aditi", "valid/Amy", "valid/Nicole"):
        assert f"{name}-snips-" in text
    assert "has 5 problems" in text


def test_lost_folder_and_text_are_said_before_anything_slow(refusal, corpus):
    root = corpus("snips")
    shutil.rmtree(root / "valid")
    (root / "all.iob.snips.txt").unlink()
    text = refusal("sf")
    assert "valid:0: -: found no such folder" in text
    assert "all.iob.snips.txt:0: -: found no such file" in text


def test_utterance_without_words_is_named(refusal, corpus):
    path = corpus("snips") / "all.iob.snips.txt"
    kept = [x for x in path.read_text().splitlines() if not x.startswith("Amy")]
    path.write_text("\n".join(kept) + "\n")
    assert "Amy-snips-valid-7: found no words for an utterance" in refusal("sf")


def test_turns_of_every_record_with_times_and_speakers(manifests, corpus):
    root = corpus("librimix_sd")
    made = manifests("sd")
    assert set(made) == {"train", "valid", "test"}
    assert tuple(made["test"][0]) == TASKS["sd"].columns
    reco = "dev-1272-0001_84-0002"
    wav = root.parent / f"Libri2Mix/wav16k/max/dev/mix_clean/{reco}.wav"
    common = {"record_id": reco, "duration": "0.75", "wav_path": str(wav)}
    assert made["valid"] == [
        {
            **common,
            "utt_id": f"1272_{reco}",
            "speaker": "1272",
            "start_sec": "0.0",
            "end_sec": "0.5",
        },
        {
            **common,
            "utt_id": f"84_{reco}",
            "speaker": "84",
            "start_sec": "0.25",
            "end_sec": "0.75",
        },
    ]


def test_lists_that_contradict_each_other_are_listed(refusal, corpus):
    root = corpus("librimix_sd")
    (root / "train/reco2dur").unlink()
    dev = root / "dev/segments"
    dev.write_text(dev.read_text().replace("0.500", "0.000") + "u x 0 1\nshort 1\n")
    wav = root / "test/wav.scp"
    wav.write_text("test-1272-0001_84-0002 sox a.flac -t wav - |\n")
    text = refusal("sd")
    assert "train/reco2dur:0: -: found no such file" in text
    assert "train/wav.scp:1: train-1272-0001_84-0002: found no duration" in text
    assert "dev/segments:1: 1272_dev-1272-0001_84-0002: found no interval" in text
    assert "dev/segments:3: u: found an unknown record" in text
    assert "dev/segments:3: u: found no speaker" in text
    assert "dev/segments:4: short: found the line 'short 1'" in text
    assert "test/wav.scp:1: test-1272-0001_84-0002: found the line" in text


def test_numeric_ids_keep_their_zeros(manifests, corpus):
    root = corpus("librimix_sd")
    for name in ("utt2spk", "spk2utt", "segments"):
        path = root / "test" / name
        path.write_text(path.read_text().replace("84", "0084"))
    for name in ("wav.scp", "reco2dur"):
        path = root / "test" / name
        path.write_text(path.read_text().replace("84-0002 ", "0084-0002 ", 1))
    assert {row["speaker"] for row in manifests("sd")["test"]} == {"1272", "0084"}
