import pytest

from tests.superb.tiny_superb import TinySuperb


@pytest.fixture(scope="session")
def tiny_superb(tmp_path_factory):
    """Manifests of all tasks; not to be changed."""
    return TinySuperb(tmp_path_factory.mktemp("superb"))


@pytest.fixture
def broken(tiny_superb, tmp_path):
    """Manifests of all tasks, to be broken by a test."""
    return tiny_superb.copy(tmp_path)
