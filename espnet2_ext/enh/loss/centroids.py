"""The centroids of k-means, for the distance ``unit_cross_entropy``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.checkpoint import check_file, load


def read_centroids(name: str, value: object) -> Tensor:
    """Read k-means centroids (K, D) from a .npy or .pt file, as float32.

    Raises:
        UserError: if it cannot be read, or is not such a matrix of finite numbers.
    """
    expected = "expected a .npy or .pt file with a matrix (units, features)"
    path, what = Path(str(value)), f"{name} '{value}'"
    try:
        if path.suffix == ".npy":
            check_file(path, what, "a .npy file", accept=b"\x93NUMPY")
            found = torch.from_numpy(np.load(path))
        elif path.suffix == ".pt":
            found = load(path, what)
        else:
            raise UserError(f"{name} '{value}': {expected}.")
    except UserError:
        raise
    except Exception as error:  # whatever a broken file makes the readers raise
        raise UserError(f"{name} '{value}': cannot read it ({error}).") from error
    if not isinstance(found, Tensor) or found.dim() != 2 or len(found) < 2:
        shape = tuple(found.shape) if isinstance(found, Tensor) else type(found)
        raise UserError(f"{name} '{value}': {expected}, 2 units or more; found {shape}")
    if not bool(found.isfinite().all()):
        raise UserError(f"{name} '{value}': found values that are not finite.")
    return found.float()
