"""A training configuration of `SSLEnhancementTask`, checked before any work starts."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from espnet2_ext.fileio.yaml import named, read_yaml
from espnet2_ext.tasks.enh_ssl import SSLEnhancementTask
from espnet2_ext.train.options import check_options, one_line_errors


def check_config(
    config: str | Path | Mapping[str, Any], words: Sequence[str] = ()
) -> None:
    """Check a training configuration.

    Args:
        config: a YAML file, or what stands in one.
        words: further options, as on the command line: ``["--max_epoch", "3"]``.

    Raises:
        UserError: with what was found, where, and what was expected.
    """
    parser = SSLEnhancementTask.get_parser()
    with named(config):
        content = config if isinstance(config, Mapping) else read_yaml(config)
        check_options(content, parser)
        one_line_errors(parser)
        parser.set_defaults(**copy.deepcopy(dict(content)))
        SSLEnhancementTask.check(parser.parse_args(list(words)))
