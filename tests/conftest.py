import os
import signal
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
# nohup has it ignored by every process that a test starts
signal.signal(signal.SIGHUP, signal.SIG_DFL)

ROOT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the slow tests too")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="slow; run with --slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    """Tiny checkpoints of every s3prl family: {upstream name: path}."""
    from tests.tiny_checkpoints import write_all

    return write_all(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture
def speech_like():
    """(B, T) at 16 kHz with silences and onsets, so that frames differ."""
    import torch

    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(2, 24000, generator=generator)
    time = torch.arange(24000) / 16000
    return 0.1 * noise * (torch.sin(6.28 * 3 * time) ** 2 + 0.05)
