"""DTLN as a separator: the public denoiser where it starts, and trainable."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from espnet2_ext.bin import convert_dtln
from espnet2_ext.denoisers import convert
from espnet2_ext.denoisers.registry import DENOISERS
from espnet2_ext.enh.separators.dtln import SHIFT, DTLNSeparator
from espnet2_ext.errors import UserError

CONFIG = {
    "encoder": "same",
    "encoder_conf": {},
    "decoder": "same",
    "decoder_conf": {},
    "separator": "dtln",
    "separator_conf": {"num_spk": 1},
}


@pytest.fixture
def separator() -> DTLNSeparator:
    torch.manual_seed(0)
    return DTLNSeparator(1)


def enhance(separator: DTLNSeparator, wav: torch.Tensor) -> torch.Tensor:
    lengths = torch.full((len(wav),), wav.size(1))
    (enhanced,), found, others = separator(wav, lengths)
    assert torch.equal(found, lengths)
    assert not others
    return enhanced


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    """The converted weights, as a training would load them."""
    if DENOISERS["dtln"].missing:
        pytest.skip(f"DTLN: {DENOISERS['dtln'].missing}")
    pytest.importorskip("onnx")
    path = tmp_path_factory.mktemp("dtln") / "dtln.pth"
    convert_dtln.main(["--output", str(path)])
    return torch.load(path, weights_only=True)


@pytest.mark.parametrize("length", [511, 512, 16000, 16001])
def test_public_weights_give_what_the_public_denoiser_gives(
    public: dict[str, torch.Tensor], separator: DTLNSeparator, length: int
) -> None:
    separator.load_state_dict(
        {key.removeprefix("separator."): value for key, value in public.items()}
    )
    wav = 0.1 * np.random.default_rng(length).standard_normal(length).astype(np.float32)
    expected = DENOISERS["dtln"].load(1)(wav, 16000)[:length]
    with torch.no_grad():
        found = enhance(separator, torch.tensor(wav)[None])[0].numpy()
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_weights_are_those_of_the_whole_model(public: dict[str, torch.Tensor]) -> None:
    from espnet2_ext.tasks.enh_ssl import SSLEnhancementTask

    args = SSLEnhancementTask.get_default_config()
    args.update(CONFIG, criterions=[])
    model = SSLEnhancementTask.build_model(_namespace(args))
    missing = model.load_state_dict(public, strict=False)
    assert not missing.missing_keys
    assert not missing.unexpected_keys


def _namespace(values: dict) -> object:
    import argparse

    return argparse.Namespace(**values)


def test_utterances_of_a_batch_do_not_hear_each_other(separator: DTLNSeparator) -> None:
    wav = torch.randn(2, 4000)
    padded = torch.cat([wav, torch.zeros(2, 1000)], 1)
    with torch.no_grad():
        alone = enhance(separator, wav[:1])
        together = enhance(separator, padded)[:1, :4000]
    torch.testing.assert_close(alone, together, atol=1e-6, rtol=1e-5)


def test_output_hears_no_more_than_a_block_ahead(separator: DTLNSeparator) -> None:
    wav = torch.randn(1, 8000)
    changed = wav.clone()
    changed[:, 5000:] = 0
    with torch.no_grad():
        first, second = enhance(separator, wav), enhance(separator, changed)
    same = 5000 - 4 * SHIFT
    torch.testing.assert_close(first[:, :same], second[:, :same])
    assert not torch.allclose(first[:, 5000:], second[:, 5000:])


def test_gradient_is_finite_in_silence(separator: DTLNSeparator) -> None:
    wav = torch.cat([torch.zeros(1, 2000), torch.randn(1, 2000)], 1).requires_grad_()
    enhance(separator, wav).square().sum().backward()
    assert wav.grad is not None
    assert torch.isfinite(wav.grad).all()
    for name, parameter in separator.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_what_it_cannot_be_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"encoder of 257 features; expected.*same"):
        DTLNSeparator(257)
    with pytest.raises(UserError, match="num_spk 2; expected 1"):
        DTLNSeparator(1, num_spk=2)
    monkeypatch.setattr(convert, "MODULE", "nowhere.plugins.dtln")
    with pytest.raises(UserError, match=r"separator dtln: 'nowhere.*livekit-plugins"):
        convert_dtln.main(["--output", "x.pth"])
