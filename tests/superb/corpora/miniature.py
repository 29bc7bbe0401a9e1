"""The corpora in miniature: folders, names and lists exactly as published.

Every function writes one corpus under ``root`` out of ``speech``, an endless iterator
of short 16 kHz recordings (T,), and returns nothing: what must come out of it is
written down by hand in the tests.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from corpus.clips import load_clip
from corpus.fetch import fetch_packages
from corpus.packages import PACKAGES
from corpus.speech import asterisk
from espnet2_ext.errors import UserError
from tests.tiny_corpus import speech_like

FS = 16000
PROMPTS = ("asterisk-core-sounds-en", "asterisk-core-sounds-en-g722")
SAMPLES = int(0.6 * FS)
Speech = Iterator[np.ndarray]


def real_speech(folder: str | Path) -> list[np.ndarray]:
    """Beginnings of real prompts, (T,), out of two Debian packages (11 MB).

    What these corpora test is names and lists, so where nothing can be fetched the
    tests go on with synthetic audio, and say so.
    """
    packages = [package for package in PACKAGES if package.name in PROMPTS]
    try:
        trees = fetch_packages(packages, Path(folder), lambda line: None)
        clips = [load_clip(clip) for clip in asterisk(trees, "en")[:40]]
    except (UserError, KeyError) as error:
        warnings.warn(f"synthetic audio instead of speech: {error}", stacklevel=1)
        rng = np.random.default_rng(0)
        clips = [speech_like(rng, SAMPLES) for _ in range(8)]
    return [clip[:SAMPLES] for clip in clips if len(clip) >= SAMPLES]


def audio(path: Path, wav: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wav, FS, subtype="PCM_16")


def lines(path: Path, *text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in text), encoding="utf-8")


LIBRISPEECH = {
    "train-clean-100/19/198/19-198-0000": "NORTHANGER ABBEY",
    "train-clean-100/19/198/19-198-0001": "THIS LITTLE WORK WAS FINISHED",
    "train-clean-100/26/495/26-495-0000": "IT'S A LITTLE ABBEY",
    "dev-clean/84/121123/84-121123-0000": "GO DO YOU HEAR",
    "test-clean/61/70968/61-70968-0000": "HE BEGAN A CONFUSED WORK",
    "test-clean/61/70970/61-70970-0000": "YOUNG FITZOOTH HAD BEEN CONFUSED",
}


def librispeech(root: Path, speech: Speech) -> None:
    lines(
        root / "SPEAKERS.TXT",
        "; Some pipe(|) separated metadata about all LibriSpeech speakers",
        ";",
        ";ID  |SEX| SUBSET           |MINUTES| NAME",
        "19   | F | train-clean-100  | 25.19 | Kara Shallenberg",
        "26   | M | train-clean-100  | 25.08 | Denny Sayers",
        "61   | M | test-clean       | 8.08  | Paul-Gabriel Wiener",
        "84   | F | dev-clean        | 8.02  | Christie Nowak",
    )
    chapters: dict[Path, list[str]] = {}
    for name, text in LIBRISPEECH.items():
        path = root / f"{name}.flac"
        audio(path, next(speech))
        spk, chapter, _ = path.stem.split("-")
        trans = path.with_name(f"{spk}-{chapter}.trans.txt")
        chapters.setdefault(trans, []).append(f"{path.stem} {text}")
    for path, texts in chapters.items():
        lines(path, *texts)


# Speakers as they are in the lists that come with the corpus: 00176480 in neither,
# 026290a7 in validation_list.txt, 0c40e715 in testing_list.txt.
SPEAKERS = ("00176480", "026290a7", "0c40e715")
WORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")


def speech_commands(root: Path, speech: Speech) -> None:
    train = root / "speech_commands_v0.01"
    for word in (*WORDS, "bed", "marvin"):
        for speaker in SPEAKERS:
            audio(train / word / f"{speaker}_nohash_0.wav", next(speech))
    noise = train / "_background_noise_"
    audio(noise / "doing_the_dishes.wav", np.tile(next(speech), 9)[: 5 * FS // 2])
    lines(noise / "README.md", "# background noise")
    lines(train / "validation_list.txt", "bed/026290a7_nohash_0.wav")
    lines(train / "testing_list.txt", "bed/0c40e715_nohash_0.wav")
    lines(train / "LICENSE", "CC BY 4.0")
    test = root / "speech_commands_test_set_v0.01"
    for word in WORDS:
        audio(test / word / "0c40e715_nohash_0.wav", next(speech))
    audio(test / "_unknown_" / "bed_0c40e715_nohash_0.wav", next(speech))
    audio(test / "_silence_" / "silence_1.wav", np.tile(next(speech), 9)[:FS])


FLUENT = {
    "train": (
        ("2BqVo8kVB2Skwgyb/0a3129c0.wav", "change language", "none", "none"),
        ("2BqVo8kVB2Skwgyb/0ee42a80.wav", "activate", "lights", "washroom"),
    ),
    "valid": (("2nqmlrLn5yCxBqvW/a3b1.wav", "increase", "volume", "none"),),
    "test": (("4BrX8aDqK2cLZRYl/c7d2.wav", "bring", "newspaper", "none"),),
}


def fluent_speech_commands(root: Path, speech: Speech) -> None:
    for split, items in FLUENT.items():
        rows = [",path,speakerId,transcription,action,object,location"]
        for number, (name, action, thing, place) in enumerate(items):
            path = f"wavs/speakers/{name}"
            audio(root / path, next(speech))
            text = '"Turn it, please"'
            spk = name.split("/")[0]
            rows.append(f"{number},{path},{spk},{text},{action},{thing},{place}")
        lines(root / f"data/{split}_data.csv", *rows)
    lines(root / "data/speaker_demographics.csv", "speakerId,Self-reported fluency")
    lines(root / "readme.md", "Fluent Speech Commands")


USAGE = (
    "1 id10001/1zcIwhmdeo4/00001.wav",
    "2 id10001/7gWzIy6yIIk/00001.wav",
    "3 id10001/9mQ11vBs1wc/00003.wav",
    "1 id10002/0_laIeN-Q44/00001.wav",
    "1 id10270/5r0dWxy17C8/00001.wav",
    "2 id10270/5r0dWxy17C8/00002.wav",
    "3 id10309/0b1inHMAr6o/00001.wav",
)
TRIALS = (
    "1 id10270/5r0dWxy17C8/00001.wav id10270/5r0dWxy17C8/00002.wav",
    "0 id10270/5r0dWxy17C8/00001.wav id10309/0b1inHMAr6o/00001.wav",
)


def voxceleb1(root: Path, speech: Speech) -> None:
    for line in USAGE:
        name = line.split()[1]
        part = "test" if "id10270" <= name[:7] <= "id10309" else "dev"
        audio(root / part / "wav" / name, next(speech))
    lines(root / "iden_split.txt", *USAGE)
    lines(root / "voxceleb1_test_v2.txt", *TRIALS)


EMOTIONS = ("neu", "hap", "exc", "ang", "sad", "fru", "xxx")


def iemocap(root: Path, speech: Speech) -> None:
    for number in range(1, 6):
        for act in ("impro01", "script01_1"):
            dialogue = f"Ses0{number}F_{act}"
            session = root / f"Session{number}"
            text = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""]
            for turn, emotion in enumerate(EMOTIONS):
                utt = f"{dialogue}_{'FM'[turn % 2]}{turn:03d}"
                folder = session / "sentences/wav" / dialogue
                audio(folder / f"{utt}.wav", next(speech))
                time = f"[{turn}.2901 - {turn}.9357]"
                text.append(f"{time}\t{utt}\t{emotion}\t[2.5000, 2.5000, 2.5000]")
                text += ["C-E2:\tNeutral;\t()", "A-E3:\tval 3; act 2; dom  2;\t()", ""]
            evaluation = session / "dialog/EmoEvaluation"
            lines(evaluation / f"{dialogue}.txt", *text)
            (evaluation / f"._{dialogue}.txt").write_bytes(b"\x00\x05\x16\x07")
            lines(evaluation / "Categorical" / f"{dialogue}_e2_cat.txt", "x")


SNIPS_SPEAKERS = {
    "train": "Ivy Joanna Joey Justin Kendra Kimberly Matthew Salli",
    "valid": "Aditi Amy Geraint Nicole",
    "test": "Brian Emma Raveena Russell",
}
SNIPS_TEXT = {
    "train": "BOS PLAY BJÖRK & FRIENDS . EOS\tO O artist artist artist O PlayMusic",
    "valid": "BOS RATE THIS BOOK FIVE EOS\tO O O O rating_value RateBook",
    "test": "BOS WEATHER IN PARIS EOS\tO O O city GetWeather",
}


def snips(root: Path, speech: Speech) -> None:
    text = []
    for split, names in SNIPS_SPEAKERS.items():
        for name in names.split():
            utt = f"{name}-snips-{split}-7"
            audio(root / split / f"{utt}.wav", next(speech))
            text.append(f"{utt} {SNIPS_TEXT[split]}")
    # a voice of no set, as the corpus has
    audio(root / "valid/Salli-snips-valid-168.wav", next(speech))
    text.append("Salli-snips-valid-168 BOS A EOS\tO O X")
    lines(root / "all.iob.snips.txt", *text)
    lines(root / "slots.txt", "O", "artist", "city", "rating_value")


def librimix_sd(root: Path, speech: Speech) -> None:
    for split in ("train", "dev", "test"):
        reco = f"{split}-1272-0001_84-0002"
        first, second = next(speech)[: FS // 2], next(speech)[: FS // 2]
        gap = np.zeros(FS // 4, dtype=np.float32)
        mix = 0.5 * np.concatenate([first, gap])
        mix += 0.5 * np.concatenate([gap, second])
        path = root.parent / f"Libri2Mix/wav16k/max/{split}/mix_clean/{reco}.wav"
        audio(path, mix)
        folder = root / split
        utts = [(f"1272_{reco}", "1272", 0.0, 0.5), (f"84_{reco}", "84", 0.25, 0.75)]
        lines(folder / "wav.scp", f"{reco} {path}")
        lines(folder / "reco2dur", f"{reco} 0.750")
        segments = [f"{utt} {reco} {a:.3f} {b:.3f}" for utt, _, a, b in utts]
        lines(folder / "segments", *segments)
        lines(folder / "utt2spk", *(f"{utt} {spk}" for utt, spk, *_ in utts))
        lines(folder / "spk2utt", *(f"{spk} {utt}" for utt, spk, *_ in utts))
        turns = [f"SPEAKER {reco} 1 {a:.3f} {b - a:.3f}" for *_, a, b in utts]
        lines(folder / "rttm", *turns)


def dns(root: Path, speech: Speech) -> None:
    noise = root / "datasets_fullband/noise_fullband"
    audio(noise / "fan_Freesound_validated_1_0.wav", next(speech))
    audio(noise / "-0bCuYU5Cl4 x.wav", next(speech))
    audio(root / "datasets_fullband/clean_fullband/read_speech/a.wav", next(speech))


def wham(root: Path, speech: Speech) -> None:
    for part in ("tr", "cv", "tt"):
        wav = np.stack([next(speech)[: FS // 2]] * 2, axis=1)  # two microphones
        audio(root / part / "40na010a_0.5_40oa0101_-0.5.wav", wav)
    lines(root / "metadata/noise_meta_tt.csv", "utterance_id,WSJ_type")


def musan(root: Path, speech: Speech) -> None:
    for name in (
        "noise/free-sound/noise-free-sound-0000",
        "noise/sound-bible/noise-sound-bible-0004",
        "music/fma/music-fma-0003",
        "speech/librivox/speech-librivox-0010",
    ):
        audio(root / f"{name}.wav", next(speech))
    lines(root / "noise/free-sound/ANNOTATIONS", "noise-free-sound-0000 x")


def demand(root: Path, speech: Speech) -> None:
    for scene in ("DKITCHEN", "NPARK", "TMETRO"):
        for channel in (1, 2, 16):
            audio(root / scene / f"ch{channel:02d}.wav", next(speech))


VOICEBANK = {  # id -> words, noise, SNR; as in the corpus, with capitals and full stops
    "trainset_28spk": {
        "p226_001": ("Please call Stella.", "babble", "5"),
        "p226_002": ("Ask her to bring these things.", "cafeteria", "15"),
        "p239_001": ("Please call Stella.", "ssn", "0"),
        "p239_005": ("It's a sight, isn't it?", "kitchen", "10"),
        "p287_003": ("Six spoons of fresh snow peas.", "metro", "10"),
    },
    "testset": {
        "p232_001": ("Please call Stella.", "bus", "2.5"),
        "p257_006": ("Well, that's life!", "psquare", "17.5"),
    },
}


def voicebank_demand(root: Path, speech: Speech) -> None:
    rng = np.random.default_rng(0)
    for part, utterances in VOICEBANK.items():
        for utt, (words, _, snr) in utterances.items():
            clean = np.repeat(next(speech), 3)  # the corpus is at 48 kHz
            noise = rng.standard_normal(len(clean))
            noise *= clean.std() / noise.std() * 10 ** (-float(snr) / 20)
            scale = 0.5 / np.abs(clean + noise).max()
            for kind, wav in (("clean", clean), ("noisy", clean + noise)):
                path = root / f"{kind}_{part}_wav" / f"{utt}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, scale * wav, 48000, subtype="PCM_16")
            lines(root / f"{part}_txt" / f"{utt}.txt", words)
        log = (f"{utt} {noise} {snr}" for utt, (_, noise, snr) in utterances.items())
        lines(root / "logfiles" / f"log_{part}.txt", *log)
        leftover = root / f"noisy_{part}_wav" / "._p226_001.wav"
        leftover.write_bytes(b"Mac OS X")


MIX_SINGLE = {
    "wham_mix": {
        "tr": ("011a0101_1.1_401a010a_-1.1", "012c020b_0.4_20da0102_-0.4"),
        "cv": ("013a010c_2.0_02bo030f_-2.0",),
        "tt": ("050a0501_1.7_442o030z_-1.7", "053a0502_0.1_420o030b_-0.1"),
    },
    "libri2mix": {
        "train-100": ("19-198-0000_26-495-0000", "26-495-0000_19-198-0001"),
        "dev": ("84-121123-0000_84-121123-0000",),
        "test": ("61-70968-0000_61-70970-0000",),
    },
}


def _mix_single(root: Path, speech: Speech, name: str) -> None:
    rng = np.random.default_rng(0)
    for part, ids in MIX_SINGLE[name].items():
        for id_ in ids:
            s1 = 0.5 * next(speech)
            noise = 0.05 * rng.standard_normal(len(s1)).clip(-3, 3)
            folder = root / "wav16k/min" / part
            for stream, wav in (
                ("s1", s1),
                ("noise", noise),
                ("mix_single", s1 + noise),
                ("mix_both", s1 + noise),
            ):
                audio(folder / stream / f"{id_}.wav", wav)


def wham_mix(root: Path, speech: Speech) -> None:
    _mix_single(root, speech, "wham_mix")


def libri2mix(root: Path, speech: Speech) -> None:
    _mix_single(root, speech, "libri2mix")
    lines(root / "metadata/mixture_dev_mix_single.csv", "mixture_ID,mixture_path")
