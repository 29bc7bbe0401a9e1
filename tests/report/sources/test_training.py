from __future__ import annotations

from pathlib import Path

from espnet2_ext.report.sources.training import read_history

LINE = (
    "[host] 2026-01-01 00:00:00,000 (trainer:371) INFO: {epoch}epoch results: "
    "[train] iter_time=2.000e-04, loss={loss}, ssl_loss=nan, grad=1.500e+03, "
    "time=1 hour, 2 minutes and 3.25 seconds, total_count=50, "
    "[valid] loss=-1.250, time=3.5 seconds, total_count=5\n"
)


def test_reads_what_espnets_reporter_writes(tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text("noise\n" + LINE.format(epoch=2, loss="-3.5"))
    history = read_history(tmp_path)
    assert history["loss"] == {"train": {2: -3.5}, "valid": {2: -1.25}}
    assert history["grad"] == {"train": {2: 1500.0}}
    assert "ssl_loss" not in history


def test_agrees_with_espnets_own_reporter(tmp_path: Path) -> None:
    from espnet2.train.reporter import Reporter

    reporter = Reporter(1)
    for part, loss in (("train", -2.5), ("valid", 0.0004)):
        with reporter.observe(part) as observed:
            observed.register({"loss": loss, "ssl_loss_l06": 1234.5})
            observed.next()
    (tmp_path / "train.log").write_text(f"INFO: {reporter.log_message(1)}\n")
    history = read_history(tmp_path)
    assert history["loss"] == {"train": {1: -2.5}, "valid": {1: 0.0004}}
    assert history["ssl_loss_l06"]["train"] == {1: 1234.0}  # printed as 1.234e+03


def test_logs_of_a_resumed_training_are_joined_and_the_later_wins(
    tmp_path: Path,
) -> None:
    (tmp_path / "train.10.log").write_text(LINE.format(epoch=1, loss="-1.0"))
    (tmp_path / "train.2.log").write_text(
        LINE.format(epoch=1, loss="-2.0") + LINE.format(epoch=2, loss="-3.0")
    )
    (tmp_path / "train.log").write_text(LINE.format(epoch=3, loss="-4.0"))
    losses = read_history(tmp_path)["loss"]["train"]
    assert losses == {1: -2.0, 2: -3.0, 3: -4.0}


def test_no_log_gives_no_history(tmp_path: Path) -> None:
    assert read_history(tmp_path) == {}
