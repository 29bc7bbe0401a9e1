import pytest
import yaml

SMALL = {
    "encoder": "stft",
    "encoder_conf": {"n_fft": 128, "hop_length": 64},
    "decoder": "stft",
    "decoder_conf": {"n_fft": 128, "hop_length": 64},
    "separator": "tcn",
    "separator_conf": {
        "num_spk": 1,
        "layer": 1,
        "stack": 1,
        "bottleneck_dim": 8,
        "hidden_dim": 8,
    },
    "max_epoch": 1,
    "num_iters_per_epoch": 2,
    "batch_type": "unsorted",
    "batch_size": 2,
    "num_workers": 0,
    "keep_nbest_models": 1,
    "log_interval": 1,
    "best_model_criterion": [["valid", "loss", "min"]],
}
SNR = {
    "name": "snr",
    "conf": {},
    "wrapper": "fixed_order",
    "wrapper_conf": {"weight": 1.0},
}


@pytest.fixture
def ssl_entry(checkpoints):
    return {
        "name": "ssl",
        "conf": {
            "upstream": "wavlm_local",
            "path_or_url": str(checkpoints["wavlm_local"]),
        },
        "wrapper": "fixed_order_with_lengths",
        "wrapper_conf": {"weight": 10.0},
    }


@pytest.fixture
def small_config(tmp_path, ssl_entry):
    """Write a training configuration; keyword arguments change it."""

    def write(name="train.yaml", criterions=(SNR, ssl_entry), **changes):
        path = tmp_path / name
        config = {**SMALL, "criterions": list(criterions), **changes}
        path.write_text(yaml.safe_dump(config))
        return path

    return write
