"""``--inference_enh_config``: a network that is changed for inference, checked."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from espnet2_ext.enh.config import build_network, check_parts
from espnet2_ext.errors import unknown_name
from espnet2_ext.fileio.yaml import named, read_yaml
from espnet2_ext.tasks.enh_ssl import SSLEnhancementTask
from espnet2_ext.train.init_param import check_fit
from espnet2_ext.train.options import check_options

PARTS = ("encoder", "separator", "decoder")
KEYS = tuple(part + end for part in PARTS for end in ("", "_conf"))


def check_inference(
    config: Mapping[str, Any], weights: Mapping[str, Any], path: Path
) -> None:
    """Check what ``path`` changes of a trained system, as ``enh_inference`` reads it.

    Args:
        config: of the training, for plain ESPnet.
        weights: of the system, by name.
        path: a YAML of `KEYS`; a ``_conf`` changes some of its arguments.

    Raises:
        UserError: another key, or a network that cannot be built, or that the weights
            do not fit.
    """
    with named(path):
        changes, parser = read_yaml(path), SSLEnhancementTask.get_parser()
        for key in changes:
            if key not in KEYS:
                raise unknown_name("key", key, KEYS)
        check_options(changes, parser)
        merged = copy.deepcopy(dict(config))
        for key, value in changes.items():
            both = isinstance(value, Mapping) and isinstance(merged.get(key), dict)
            merged[key] = {**merged[key], **value} if both else value
        defaults = vars(parser.parse_args([]))
        args = argparse.Namespace(**{**defaults, **merged})
        check_parts(args, SSLEnhancementTask)
        check_fit(dict(weights), build_network(args, SSLEnhancementTask), str(path))
