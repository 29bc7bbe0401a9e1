import pytest
import torch

from espnet2_ext.torch_utils.frames import frame_mask

DIM = 5


@pytest.fixture(scope="session")
def centroids(tmp_path_factory):
    """A file of six k-means centroids of features of size ``DIM``."""
    path = tmp_path_factory.mktemp("units") / "centroids.pt"
    torch.save(torch.randn(6, DIM, generator=torch.Generator().manual_seed(5)), path)
    return path


@pytest.fixture
def spec(centroids):
    """Turn the name of a distance into what a configuration would say."""

    def make(name, **parameters):
        if name == "unit_cross_entropy":
            parameters["centroids"] = str(centroids)
        return {"name": name, **parameters}

    return make


@pytest.fixture
def features():
    """(est, ref, mask) of three utterances, two of them padded."""
    torch.manual_seed(0)
    est, ref = torch.randn(3, 7, DIM), torch.randn(3, 7, DIM)
    return est, ref, frame_mask(torch.tensor([7, 4, 3]), 7)
