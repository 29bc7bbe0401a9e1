"""ESPnet's inference of sets in which some utterances are odd."""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.scp import read_scp
from espnet2_ext.inference import protect

FS = 16000
ENHANCER = {
    "encoder": "stft",
    "encoder_conf": {"n_fft": 512, "hop_length": 128},
    "decoder": "stft",
    "decoder_conf": {"n_fft": 512, "hop_length": 128},
    "separator": "tcn",
    "separator_conf": {
        **{"num_spk": 1, "layer": 1, "stack": 1},
        **{"bottleneck_dim": 8, "hidden_dim": 8},
    },
    "criterions": [
        {"name": "snr", "conf": {}, "wrapper": "fixed_order", "wrapper_conf": {}}
    ],
}
ASR = {
    "token_list": ["<blank>", "<unk>", "a", "b", "<space>", "<sos/eos>"],
    "token_type": "char",
    "init": "xavier_uniform",
    "encoder": "transformer",
    "encoder_conf": {
        **{"output_size": 8, "attention_heads": 2},
        **{"linear_units": 8, "num_blocks": 1},
    },
    "decoder": "transformer",
    "decoder_conf": {"attention_heads": 2, "linear_units": 8, "num_blocks": 1},
}


def voice(samples: int, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(samples)


AUDIO = {
    "one": voice(1),
    "short": voice(160, 1),
    "silent": np.zeros(FS),
    "usual": voice(FS, 2),
    "half": voice(FS // 2, 3),
}


def write_set(root: Path, audio: dict[str, np.ndarray]) -> Path:
    lines = []
    for utt, wav in audio.items():
        soundfile.write(root / f"{utt}.wav", wav, FS, "FLOAT")
        lines.append(f"{utt} {root / utt}.wav\n")
    (root / "wav.scp").write_text("".join(lines))
    return root / "wav.scp"


def write_model(root: Path, task: type, changes: dict) -> None:
    torch.manual_seed(0)
    config = {**task.get_default_config(), **changes}
    model = task.build_model(argparse.Namespace(**config))
    torch.save(model.state_dict(), root / "model.pth")
    (root / "config.yaml").write_text(yaml.safe_dump(config))


def load(name: str, patch: pytest.MonkeyPatch, *classes: str):
    module = importlib.import_module(f"espnet2.bin.{name}")
    for each in classes:  # given back after the test
        patch.setattr(module, each, getattr(module, each))
    return module


def enhance(
    root: Path, patch: pytest.MonkeyPatch, guarded: bool = True, *options: str
) -> dict[str, np.ndarray]:
    module = load("enh_inference", patch, "SeparateSpeech", "SoundScpWriter")
    out = root / f"out{guarded}"
    arguments = [
        *("--data_path_and_name_and_type", f"{root / 'wav.scp'},speech_mix,sound"),
        *("--train_config", str(root / "config.yaml"), "--fs", str(FS)),
        *("--model_file", str(root / "model.pth"), "--output_dir", str(out)),
        *("--num_workers", "0", *options),
    ]
    patch.setattr(sys, "argv", ["enh_inference", *arguments])
    try:
        (protect(module) if guarded else module.main)()
    finally:
        table = read_scp(out / "spk1.scp") if (out / "spk1.scp").exists() else {}
    return {utt: soundfile.read(path)[0] for utt, path in table.items()}


@pytest.fixture
def enhancer(tmp_path: Path) -> Path:
    from espnet2.tasks.enh import EnhancementTask

    write_model(tmp_path, EnhancementTask, ENHANCER)
    return tmp_path


def test_short_and_silent_audio_is_enhanced_at_its_length(
    enhancer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set(enhancer, AUDIO)
    with pytest.raises(RuntimeError):  # what ESPnet alone makes of one sample
        enhance(enhancer, monkeypatch, guarded=False)
    found = enhance(enhancer, monkeypatch)
    assert {u: len(wav) for u, wav in found.items()} == {
        u: len(wav) for u, wav in AUDIO.items()
    }
    assert not found["silent"].any()


def test_usual_audio_is_enhanced_as_by_espnet_alone(
    enhancer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set(enhancer, {u: AUDIO[u] for u in ("usual", "half")})
    alone = enhance(enhancer, monkeypatch, guarded=False)
    for utt, wav in enhance(enhancer, monkeypatch).items():
        assert np.array_equal(wav, alone[utt])


def test_silence_stays_silence_where_espnet_divides_by_its_peak(
    enhancer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set(enhancer, AUDIO)
    option = "--normalize_output_wav", "true"
    found = enhance(enhancer, monkeypatch, True, *option)
    assert not found["silent"].any()
    assert np.abs(found["usual"]).max() == pytest.approx(0.9, abs=1e-3)


def test_what_cannot_be_enhanced_is_named_and_the_others_are_done(
    enhancer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stereo = np.stack([voice(FS), voice(FS)], axis=1)
    write_set(enhancer, {"bad": np.full(FS, np.nan), "two": stereo, **AUDIO})
    with pytest.raises(UserError) as caught:
        enhance(enhancer, monkeypatch)
    assert "2 utterances cannot be enhanced" in str(caught.value)
    assert "bad: gives samples that are not finite" in str(caught.value)
    assert "two: " in str(caught.value)
    assert set(read_scp(enhancer / "outTrue/spk1.scp")) == set(AUDIO)


@pytest.fixture
def recogniser(tmp_path: Path) -> Path:
    from espnet2.tasks.asr import ASRTask

    write_model(tmp_path, ASRTask, ASR)
    return tmp_path


def decode(root: Path, patch: pytest.MonkeyPatch) -> dict[str, str]:
    module = load("asr_inference", patch, "Speech2Text", "ASRTask")
    arguments = [
        *("--data_path_and_name_and_type", f"{root / 'wav.scp'},speech,sound"),
        *("--asr_train_config", str(root / "config.yaml"), "--beam_size", "1"),
        *("--asr_model_file", str(root / "model.pth"), "--maxlenratio", "-3"),
        *("--output_dir", str(root / "out"), "--num_workers", "0"),
    ]
    patch.setattr(sys, "argv", ["asr_inference", *arguments])
    try:
        protect(module)()
    finally:
        text = (root / "out/1best_recog/text").read_text().splitlines()
    return {line.split()[0]: line.partition(" ")[2] for line in text}


def test_short_and_silent_audio_is_decoded(
    recogniser: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set(recogniser, AUDIO)
    assert set(decode(recogniser, monkeypatch)) == set(AUDIO)


def test_what_cannot_be_decoded_is_named_and_the_others_are_done(
    recogniser: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    write_set(recogniser, {"bad": np.full(FS, np.nan), **AUDIO})
    import espnet2.asr.espnet_model as espnet_model

    encode = espnet_model.ESPnetASRModel.encode

    def out_of_memory(self, speech, speech_lengths):
        if speech.size(1) == FS // 2:
            raise MemoryError("too long")
        return encode(self, speech, speech_lengths)

    monkeypatch.setattr(espnet_model.ESPnetASRModel, "encode", out_of_memory)
    with caplog.at_level(logging.WARNING), pytest.raises(UserError) as caught:
        decode(recogniser, monkeypatch)
    assert "2 utterances cannot be recognised" in str(caught.value)
    assert "bad: ValueError: has samples that are not finite" in str(caught.value)
    assert "half: MemoryError: too long" in str(caught.value)
    text = (recogniser / "out/1best_recog/text").read_text()
    assert all(f"{utt} " in text for utt in AUDIO)
