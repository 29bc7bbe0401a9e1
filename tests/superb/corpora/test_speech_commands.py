"""Speech Commands: the published split, unknown words, seconds of silence."""

from tests.superb.corpora.miniature import WORDS


def by_label(rows):
    return {(row["label"], row["id"]) for row in rows}


def test_speakers_fall_into_the_sets_of_the_published_lists(manifests):
    made = manifests("ks")
    assert by_label(made["train"]) == {
        *((word, f"{word}-00176480_nohash_0.wav") for word in WORDS),
        ("_unknown_", "bed-00176480_nohash_0.wav"),
        ("_unknown_", "marvin-00176480_nohash_0.wav"),
        *SILENCE,
    }
    assert by_label(made["valid"]) == {
        *((word, f"{word}-026290a7_nohash_0.wav") for word in WORDS),
        ("_unknown_", "bed-026290a7_nohash_0.wav"),
        ("_unknown_", "marvin-026290a7_nohash_0.wav"),
        *SILENCE,
    }
    assert by_label(made["test"]) == {
        *((word, f"{word}-0c40e715_nohash_0.wav") for word in WORDS),
        ("_unknown_", "_unknown_-bed_0c40e715_nohash_0.wav"),
        ("_silence_", "_silence_-silence_1.wav-0"),
    }


SILENCE = {  # 2.5 s of background
    ("_silence_", f"_background_noise_-doing_the_dishes.wav-{start}")
    for start in (0, 1, 2)
}


def test_background_is_cut_into_seconds_and_words_are_whole(manifests, corpus):
    rows = {row["id"]: row for row in manifests("ks")["train"]}
    times = [
        (rows[key]["start_sec"], rows[key]["end_sec"]) for _, key in sorted(SILENCE)
    ]
    assert times == [("0.0", "1.0"), ("1.0", "2.0"), ("2.0", "2.5")]
    word = rows["yes-00176480_nohash_0.wav"]
    assert (word["start_sec"], word["end_sec"]) == ("", "")
    train = corpus("speech_commands") / "speech_commands_v0.01"
    assert word["wav_path"] == f"{train}/yes/00176480_nohash_0.wav"


def test_words_and_folders_that_are_missing_are_listed(refusal, corpus):
    import shutil

    root = corpus("speech_commands")
    shutil.rmtree(root / "speech_commands_v0.01/yes")
    shutil.rmtree(root / "speech_commands_v0.01/_background_noise_")
    (root / "speech_commands_test_set_v0.01/_silence_/silence_1.wav").unlink()
    for word in ("bed", "marvin"):
        shutil.rmtree(root / "speech_commands_v0.01" / word)
    text = refusal("ks")
    assert "has 4 problems" in text
    for piece in ("v0.01/yes", "v0.01/_background_noise_", "_silence_", "ten (they"):
        assert piece in text
