"""A HuBERT of ESPnet's task, converted: the same computation in plain s3prl."""

import pytest
import torch
import yaml

from espnet2_ext.bin import convert_hubert as command
from espnet2_ext.errors import UserError
from espnet2_ext.hubert.convert import fairseq_name, read_hubert, to_s3prl

CONV = [[16, 10, 5], *[[16, 3, 2]] * 4, *[[16, 2, 2]] * 2]
SIZE = {
    "extractor_conv_layer_config": CONV,
    "encoder_embed_dim": 24,
    "encoder_num_layers": 2,
    "encoder_num_heads": 4,
    "encoder_ff_interm_features": 48,
    "encoder_pos_conv_kernel": 9,
    "encoder_pos_conv_groups": 4,
    "final_dim": 8,
}
MODES = [("layer_norm", True, False), ("group_norm", False, True)]


def trained(folder, conf):
    """What hubert_train leaves behind, with random weights."""
    from espnet2.asr.encoder.hubert_encoder import TorchAudioHuBERTPretrainEncoder

    torch.manual_seed(0)
    encoder = TorchAudioHuBERTPretrainEncoder(input_size=1, num_classes=7, **conf)
    for parameter in encoder.parameters():  # no norm stays the identity
        parameter.data += 0.1 * torch.randn_like(parameter)
    weights = {f"encoder.{k}": v for k, v in encoder.state_dict().items()}
    config = {"encoder": "torchaudio_hubert", "encoder_conf": conf}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    torch.save(weights, folder / "valid.loss.best.pth")
    return encoder.hubert_pretrain_model.wav2vec2.eval()


def states_of(path, wavs):
    from s3prl.upstream.hubert.expert import UpstreamExpert

    with torch.no_grad():
        return UpstreamExpert(str(path)).eval()(wavs)["hidden_states"]


@pytest.mark.parametrize(("mode", "pre_norm", "bias"), MODES)
def test_s3prl_computes_what_was_trained(tmp_path, mode, pre_norm, bias):
    conf = {
        **SIZE,
        "extractor_mode": mode,
        "encoder_layer_norm_first": pre_norm,
        "extractor_conv_bias": bias,
    }
    model = trained(tmp_path, conf)
    output = tmp_path / "out/hubert.pt"
    words = ["--exp_dir", str(tmp_path), "--output", str(output), "--full_precision"]
    command.main(words)
    wav = 0.1 * torch.randn(8000, generator=torch.Generator().manual_seed(1))
    _, *found = states_of(output, [wav])
    with torch.no_grad():
        expected, _ = model.extract_features(wav[None])
        if pre_norm:  # s3prl's last state is after the final norm
            expected[-1] = model.encoder.transformer.layer_norm(expected[-1])
    assert len(found) == len(expected) == 2
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_half_precision_halves_the_file_and_hardly_changes_the_states(tmp_path):
    trained(tmp_path, {**SIZE, "extractor_mode": "layer_norm"})
    args = read_hubert(tmp_path, "valid.loss.best.pth")
    paths = {half: tmp_path / f"{half}.pt" for half in (True, False)}
    for half, path in paths.items():
        torch.save(to_s3prl(*args, half=half), path)
    assert paths[True].stat().st_size < 0.75 * paths[False].stat().st_size
    wav = torch.sin(torch.arange(4000) / 5)
    for small, full in zip(*(states_of(p, [wav]) for p in paths.values()), strict=True):
        assert small.dtype == torch.float32
        torch.testing.assert_close(small, full, atol=0.02, rtol=0.02)


def test_unknown_weight_is_refused():
    with pytest.raises(UserError, match=r"'wav2vec2\.new\.weight'"):
        fairseq_name("encoder.hubert_pretrain_model.wav2vec2.new.weight", "layer_norm")


def test_missing_model_and_another_encoder_are_refused(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_hubert(tmp_path, "valid.loss.best.pth")
    (tmp_path / "config.yaml").write_text("encoder: hubert_pretrain\n")
    (tmp_path / "valid.loss.best.pth").touch()
    with pytest.raises(UserError, match="found encoder 'hubert_pretrain'"):
        read_hubert(tmp_path, "valid.loss.best.pth")
