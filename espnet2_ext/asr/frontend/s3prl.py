"""ESPnet's ``frontend: s3prl``, frozen for good, with this package's upstreams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from espnet2.asr.frontend import s3prl as espnet_s3prl
from torch import nn

from espnet2_ext.checks import flag, optional_path, sampling_rate, whole_number
from espnet2_ext.ssl.loading import check_upstream, s3prl_hub
from espnet2_ext.ssl.spec import UpstreamSpec


class S3prlFrontend(espnet_s3prl.S3prlFrontend):
    """``S3prlFrontend`` of ESPnet, with the same options, parameters and checkpoints.

    The differences: ``whisper_tiny_en`` and ``whisper_local`` are upstreams too; a
    path that s3prl would silently ignore is refused; an upstream whose parameters are
    all frozen (``freeze_param: [frontend.upstream]``) stays in evaluation mode, where
    ESPnet's trainer would turn its dropout on again; it can be copied and pickled.

    Raises:
        UserError: on an unknown upstream, a path that is missing or ignored, or a value
            of another type.
    """

    def __init__(
        self,
        fs: int | str = 16000,
        frontend_conf: dict | None = None,
        download_dir: str | None = None,
        multilayer_feature: bool = False,
        layer: int = -1,
    ) -> None:
        arguments = {
            "fs": fs if isinstance(fs, str) else sampling_rate("fs", fs),
            "frontend_conf": frontend_conf,
            "download_dir": optional_path("download_dir", download_dir),
            "multilayer_feature": flag("multilayer_feature", multilayer_feature),
            "layer": whole_number("layer", layer, -1, what="layer number"),
        }
        check_frontend_conf(frontend_conf or {})
        super().__init__(**arguments)
        self._arguments = arguments

    def __getstate__(self) -> dict[str, Any]:
        """Give what makes it and what it has learnt: s3prl's hooks are in no pickle."""
        return {
            "arguments": self._arguments,
            "weights": self.state_dict(),
            "trained": [p.requires_grad for p in self.parameters()],
            "training": self.training,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state["arguments"])  # type: ignore[misc]
        self.load_state_dict(state["weights"])
        for parameter, trained in zip(self.parameters(), state["trained"], strict=True):
            parameter.requires_grad_(trained)
        devices = {value.device for value in state["weights"].values()}
        self.to(next(iter(devices), "cpu")).train(state["training"])

    def train(self, mode: bool = True) -> nn.Module:
        """Set the mode; a frozen upstream never trains."""
        super().train(mode)
        if not any(p.requires_grad for p in self.upstream.parameters()):
            self.upstream.eval()
        return self


def check_frontend_conf(conf: Mapping[str, Any]) -> None:
    """Check the upstream's name and whether its path will be used.

    Raises:
        UserError: as the class says.
    """
    path, extra = conf.get("path_or_url") or None, conf.get("extra_conf")
    s3prl_hub()  # with our own entries, which ESPnet asks it for
    spec = UpstreamSpec(conf.get("upstream"), path, extra_conf=extra)  # type: ignore[arg-type]
    check_upstream(spec, differentiable=False)
