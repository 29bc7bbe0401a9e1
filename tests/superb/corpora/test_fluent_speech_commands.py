"""Fluent Speech Commands: three labels in one column."""


def test_labels_are_action_object_and_location(manifests, corpus):
    root = corpus("fluent_speech_commands")
    made = manifests("ic")
    assert made["train"] == [
        {
            "id": "0a3129c0",
            "wav_path": f"{root}/wavs/speakers/2BqVo8kVB2Skwgyb/0a3129c0.wav",
            "labels": "change language ; none ; none",
        },
        {
            "id": "0ee42a80",
            "wav_path": f"{root}/wavs/speakers/2BqVo8kVB2Skwgyb/0ee42a80.wav",
            "labels": "activate ; lights ; washroom",
        },
    ]
    assert [row["labels"] for row in made["valid"]] == ["increase ; volume ; none"]
    assert [row["labels"] for row in made["test"]] == ["bring ; newspaper ; none"]


def test_damage_is_listed_with_line_and_utterance(refusal, corpus):
    root = corpus("fluent_speech_commands")
    (root / "wavs/speakers/2BqVo8kVB2Skwgyb/0ee42a80.wav").unlink()
    valid = root / "data/valid_data.csv"
    valid.write_text(valid.read_text().replace(",volume,", ",,"))
    (root / "data/test_data.csv").write_text(",path,speakerId\n0,a.wav,s\n")
    text = refusal("ic")
    assert "has 3 problems" in text
    assert "train_data.csv:3: 0ee42a80: found no audio" in text
    assert "valid_data.csv:2: a3b1: found an empty label; expected object" in text
    assert "test_data.csv:1: -: found no column transcription, action" in text
