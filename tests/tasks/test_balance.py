"""Balanced losses in ESPnet's training: log, AMP, DDP, validation, statistics."""

import re

import pytest
import torch
import yaml

from espnet2_ext.enh.criterions import check_criterions
from espnet2_ext.enh.export import portable_config
from espnet2_ext.enh.loss.balance import Balance, Balanced, add_balanced
from espnet2_ext.errors import UserError
from espnet2_ext.tasks.enh_ssl import SSLEnhancementTask
from tests.processes import run_two
from tests.tasks.conftest import SMALL, SNR
from tests.tasks.test_enh_ssl import data as shared_data
from tests.tasks.test_enh_ssl import namespace, run, train_args

data = shared_data  # the fixture

LOGGED = (
    "signal_gradient_norm",
    "ssl_loss_gradient_norm",
    "ssl_loss_gradient_cosine",
    "ssl_loss_alpha",
)
KEYS = {"gradient_norm": {"ratio": 0.5, "smoothing": 0.5}, "projection": {}}


def balanced(entry, rule, **conf):
    """Return ``criterions`` with the SSL loss under ``balance: rule``."""
    conf = {**entry["wrapper_conf"], "balance": rule, **conf}
    return [SNR, {**entry, "wrapper_conf": conf}]


@pytest.fixture
def build(small_config, ssl_entry):
    """Build a model with that balance, the same weights every time."""

    def build(rule, **conf):
        torch.manual_seed(0)
        criterions = balanced(ssl_entry, rule, **conf)
        args = namespace(small_config(criterions=criterions))
        return SSLEnhancementTask.build_model(args)

    return build


@pytest.fixture
def batch(speech_like):
    noise = 0.05 * torch.randn(
        speech_like.shape, generator=torch.Generator().manual_seed(5)
    )
    return {
        "speech_mix": speech_like + noise,
        "speech_ref1": speech_like,
        "speech_mix_lengths": torch.tensor([24000, 12000]),
    }


def gradients(model, batch):
    loss, stats, _ = model(**batch)
    model.zero_grad()
    loss.backward()
    return loss, stats, [p.grad.clone() for p in model.parameters()]


def test_measuring_changes_neither_loss_nor_gradients(build, batch):
    loss, stats, plain = gradients(build("fixed"), batch)
    again, logged, measured = gradients(build("fixed", log_gradients=True), batch)
    torch.testing.assert_close(again, loss)
    torch.testing.assert_close(logged["loss"], stats["loss"])
    torch.testing.assert_close(measured, plain, rtol=1e-4, atol=1e-6)
    assert set(logged) - set(stats) == set(LOGGED)
    assert logged["ssl_loss_alpha"] == 10.0


def test_alpha_of_the_log_is_what_the_loss_was_made_with(build, batch):
    _, stats, _ = gradients(build("gradient_norm", ratio=0.5), batch)
    ratio = stats["signal_gradient_norm"] / stats["ssl_loss_gradient_norm"]
    torch.testing.assert_close(stats["ssl_loss_alpha"], 0.5 * ratio)
    total = stats["snr_loss"] + stats["ssl_loss_alpha"] * stats["ssl_loss"]
    torch.testing.assert_close(stats["loss"], total)


def test_matched_alpha_and_the_same_fixed_alpha_train_alike(build, batch):
    _, stats, found = gradients(build("gradient_norm"), batch)
    _, _, expected = gradients(
        build("fixed", weight=float(stats["ssl_loss_alpha"])), batch
    )
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-6)


def test_validation_uses_the_last_alpha_and_leaves_it(build, batch):
    model = build("gradient_norm")
    (waiting,) = (w for w in model.loss_wrappers if getattr(w, "waits", False))
    gradients(model, batch)
    alpha = waiting.balance.alpha
    model.eval()
    with torch.no_grad():
        _, stats, _ = model(**batch)
    total = stats["snr_loss"] + alpha * stats["ssl_loss"]
    torch.testing.assert_close(stats["loss"], total)
    assert stats["ssl_loss_alpha"] == pytest.approx(alpha)
    assert waiting.balance.alpha == alpha != 10.0


@pytest.mark.parametrize("rule", KEYS)
def test_weight_zero_measures_the_loss_only(build, batch, rule):
    loss, stats, _ = gradients(build(rule, weight=0), batch)
    torch.testing.assert_close(loss, stats["snr_loss"])
    assert stats["ssl_loss"] > 0
    assert not set(LOGGED) & set(stats)


@pytest.mark.parametrize("rule", KEYS)
def test_lower_precision_is_balanced_alike(build, batch, rule):
    _, expected, _ = gradients(build(rule), batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, stats, _ = build(rule)(**batch)
    loss.backward()
    for key in ("ssl_loss_alpha", "signal_gradient_norm", "ssl_loss_gradient_norm"):
        torch.testing.assert_close(stats[key], expected[key], rtol=0.1, atol=0)


class Tiny(torch.nn.Module):
    """Enhances (B, 30) with one layer; its SSL loss is no matter."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(30, 30)
        self.balance = Balance("gradient_norm")

    def forward(self, noisy, clean):
        enhanced = self.layer(noisy)
        signal = (enhanced - clean).square().sum(dim=1).mean()
        ssl_loss = Balanced("ssl_loss", self.balance, enhanced.sin().sum(dim=1).mean())
        return add_balanced(signal, [enhanced], [ssl_loss])[0]


def worker(rank, folder, utterances):
    """Take one step with some of the utterances, and note what came of it."""
    rows = utterances[rank]
    noisy, clean = torch.load(folder / "speech")
    model = torch.nn.parallel.DistributedDataParallel(Tiny())
    loss = model(noisy[rows], clean[rows])
    (loss * len(rows) / len(noisy) * 2).backward()  # as ESPnet's trainer weighs it
    found = model.module.balance.alpha, model.module.layer.weight.grad
    torch.save(found, folder / f"rank{rank}")


def test_processes_agree_on_the_alpha_of_all_their_utterances(tmp_path):
    speech = torch.randn(2, 4, 30, generator=torch.Generator().manual_seed(6)).unbind()
    torch.save(speech, tmp_path / "speech")
    alone = Tiny()
    alone(*speech).backward()
    run_two(worker, tmp_path, ([0], [1, 2, 3]))
    for rank in (0, 1):
        alpha, gradient = torch.load(tmp_path / f"rank{rank}")
        assert alpha == pytest.approx(alone.balance.alpha)
        torch.testing.assert_close(gradient, alone.layer.weight.grad)


@pytest.mark.parametrize("rule", KEYS)
def test_training_logs_both_norms_and_alpha(tmp_path, data, ssl_entry, rule):
    config = tmp_path / "train.yaml"
    criterions = balanced(ssl_entry, rule, **KEYS[rule])
    settings = {**SMALL, "criterions": criterions, "accum_grad": 2}
    config.write_text(yaml.safe_dump(settings))
    args = train_args(data, tmp_path / "exp", config)
    done = run("-m", "espnet2_ext", "-m", "espnet2.bin.enh_train", *args)
    assert done.returncode == 0, done.stderr[-3000:]
    line = next(x for x in done.stderr.splitlines() if "1epoch results" in x)
    train, valid = line.split("[valid]")
    values = {key: re.search(rf"\b{key}=([-\d.e+]+)", train) for key in LOGGED}
    assert all(values.values()), train
    found = {key: float(value[1]) for key, value in values.items()}
    assert found["signal_gradient_norm"] > 0
    assert "ssl_loss_alpha=" in valid
    assert "gradient_norm=" not in valid
    if rule == "projection":
        assert found["ssl_loss_alpha"] == 10.0
    kept = yaml.safe_load((tmp_path / "exp/config.yaml").read_text())
    assert kept["criterions"][1]["wrapper_conf"]["balance"] == rule
    assert portable_config(kept)["criterions"] == [SNR]


def test_statistics_need_no_losses(tmp_path, data, ssl_entry):
    config = tmp_path / "train.yaml"
    criterions = balanced(ssl_entry, "gradient_norm")
    config.write_text(yaml.safe_dump({**SMALL, "criterions": criterions}))
    args = train_args(data, tmp_path / "stats", config)
    args = [*args, "--collect_stats", "true"]
    SSLEnhancementTask.main(cmd=[str(arg) for arg in args])
    assert (tmp_path / "stats/train/speech_mix_shape").is_file()


@pytest.mark.parametrize("conf", [{"balance": "projection"}, {"log_gradients": True}])
def test_nothing_to_balance_with_is_said_at_the_start(ssl_entry, conf):
    entry = {**ssl_entry, "wrapper_conf": {"weight": 1.0, **conf}}
    silent = {**SNR, "wrapper_conf": {"weight": 0}}
    for criterions in ([entry], [silent, entry]):
        with pytest.raises(UserError, match="expected a signal loss beside them"):
            check_criterions(criterions)
    check_criterions([SNR, entry])


@pytest.mark.parametrize("flag", ["only_for_test", "is_noise_loss"])
def test_loss_that_is_no_training_loss_of_the_speech_cannot_be_balanced(
    small_config, ssl_entry, flag
):
    ssl_entry["conf"][flag] = True
    config = small_config(criterions=balanced(ssl_entry, "projection"))
    with pytest.raises(UserError, match=f"found {flag} with 'balance: projection'"):
        SSLEnhancementTask.build_model(namespace(config))
    plain = small_config(criterions=balanced(ssl_entry, "fixed"))
    assert SSLEnhancementTask.build_model(namespace(plain))
