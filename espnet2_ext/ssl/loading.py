"""Finding, checking and loading upstreams, s3prl's and this package's own."""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from espnet2_ext.checks import UPSTREAM_FS
from espnet2_ext.errors import UserError, reason_of, unknown_name
from espnet2_ext.fileio.checkpoint import check_file
from espnet2_ext.ssl.blocks import ConvTransformerStack, HookedStack, Stack
from espnet2_ext.ssl.diagnosis import kind_of
from espnet2_ext.ssl.isolation import own_conditions
from espnet2_ext.ssl.recogniser import espnet_asr_local
from espnet2_ext.ssl.relation import ESPNET_ASR
from espnet2_ext.ssl.spec import UpstreamSpec
from espnet2_ext.ssl.whisper import HUB_ENTRIES as WHISPER_ENTRIES
from espnet2_ext.ssl.whisper import WhisperEncoder

OF_CTRANSLATE2 = ("whisper_local",)
OF_FOLDERS = ("espnet_hubert_local",)  # reads config.yaml beside the file
NEEDS_PATH = ("_local", "_custom", "_url")
# what this package ships, see the model card beside it
SHIPPED = Path(__file__).parent / "weights" / "hubert_debian_small.pt"
FAMILIES = ("wavlm", "hubert", "wav2vec2", "data2vec", "unispeech_sat")


def hubert_debian_small(refresh: bool = False) -> nn.Module:
    """s3prl hub entry: the HuBERT made by egs2/debian_speech/ssl1, without download."""
    # the hub takes 10 s more to import
    from s3prl.upstream.hubert.expert import UpstreamExpert

    return UpstreamExpert(str(SHIPPED))


HUB_ENTRIES: dict[str, Callable[..., nn.Module]] = {
    **WHISPER_ENTRIES,
    "hubert_debian_small": hubert_debian_small,
    ESPNET_ASR: espnet_asr_local,
}


@functools.cache
def s3prl_hub() -> ModuleType:
    """Import s3prl's hub (some 10 s) and add this package's entries to it.

    Raises:
        UserError: if s3prl is not installed.
    """
    try:
        with warnings.catch_warnings(), own_conditions():  # modules make tensors, too
            warnings.simplefilter("ignore")
            import s3prl.hub as hub
    except ImportError as error:
        raise UserError(
            f"s3prl cannot be imported ({error}); run tools/setup.sh, or: "
            "pip install -e '.[superb]'"
        ) from error
    for name, entry in HUB_ENTRIES.items():
        setattr(hub, name, entry)
    return hub


def upstream_names() -> set[str]:
    """List the upstreams of s3prl's hub and of this package."""
    hub = s3prl_hub()
    return {name for name in hub.options() if _is_entry(getattr(hub, name))}


def _is_entry(thing: Any) -> bool:
    """Tell a hub entry from what the hub imports for itself: ``Path``, a converter."""
    if inspect.isclass(thing):
        return issubclass(thing, nn.Module)
    return thing.__module__.endswith("hubconf") or "s3prl." not in thing.__module__


def check_upstream(spec: UpstreamSpec, differentiable: bool = True) -> None:
    """Refuse an upstream that s3prl lacks, misreads, or cannot differentiate.

    Args:
        spec: which one.
        differentiable: whether a gradient must reach the waveform.

    Raises:
        UserError: unknown name; a name that needs a path and has none, or has one and
            would ignore it; a missing file, or one that is no checkpoint; an argument
            that would be ignored; an upstream that detaches the waveform.
    """
    upstream, path_or_url = spec.upstream, spec.path_or_url
    if upstream not in HUB_ENTRIES and upstream not in upstream_names():
        raise unknown_name("upstream", upstream, upstream_names())
    if differentiable and upstream.startswith("hf_"):
        other = upstream.removeprefix("hf_").removesuffix("_custom") + "_local"
        raise UserError(
            f"upstream '{upstream}' turns the waveform into numpy, so no gradient can "
            f"pass; convert the checkpoint to s3prl's format and use '{other}'."
        )
    takes_path = upstream.endswith(NEEDS_PATH)
    if path_or_url and not takes_path:
        local = upstream.split("_")[0] + "_local"
        raise UserError(
            f"upstream '{upstream}' has a registered checkpoint, and s3prl would "
            f"silently ignore path_or_url '{path_or_url}'; use '{local}' with it."
        )
    if takes_path and not path_or_url:
        raise UserError(
            f"upstream '{upstream}' needs path_or_url, the checkpoint to load; found "
            "none. A name without _local, _custom or _url downloads its own."
        )
    if upstream.endswith("_local"):
        check_local(upstream, str(path_or_url))
    _check_extra_conf(upstream, spec.extra_conf)


def check_local(upstream: str, path_or_url: str) -> None:
    """Look at the first bytes of a checkpoint; Whisper's may be in a folder.

    Raises:
        UserError: if it cannot be the checkpoint of a ``*_local`` upstream.
    """
    what, path = f"path_or_url '{path_or_url}' of '{upstream}'", Path(path_or_url)
    if upstream in OF_CTRANSLATE2:
        if path.is_dir():
            path, what = path / "model.bin", f"{what}, model.bin in it"
        check_file(path, what, "CTranslate2's model.bin")
    elif upstream not in OF_FOLDERS:
        check_file(path, what)


def _check_extra_conf(upstream: str, extra_conf: Mapping | None) -> None:
    """Refuse arguments that the hub entry would swallow: s3prl's take any."""
    accepted = _accepted_by(upstream) if extra_conf else None
    for key in extra_conf or ():
        if accepted is not None and key not in accepted:
            raise unknown_name(f"key in extra_conf of '{upstream}'", key, accepted)


def _accepted_by(upstream: str) -> set[str] | None:
    """List the arguments of a hub entry and of the expert behind it; None: any."""
    entry: Any = HUB_ENTRIES.get(upstream) or getattr(s3prl_hub(), upstream)
    targets = [entry]
    if upstream not in HUB_ENTRIES:
        beside = vars(sys.modules[entry.__module__])
        # entries call each other: hubert_base calls hubert_custom, that the expert
        near = [f for name, f in beside.items() if name.endswith(NEEDS_PATH)]
        experts = [c for name, c in beside.items() if name.endswith("UpstreamExpert")]
        if not experts:
            return None
        targets += (
            [f for f in near if callable(f)] + experts + list(experts[0].__mro__[1:-1])
        )
    names: set[str] = set()
    for target in targets:
        names |= {
            name
            for name, parameter in inspect.signature(target).parameters.items()
            if parameter.kind
            in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        }
    return names - {"ckpt"}


def has_conv_features(upstream: str) -> bool:
    """Tell by its name whether an upstream gives convolutional features."""
    if upstream in HUB_ENTRIES:
        return upstream != ESPNET_ASR
    return _family(getattr(s3prl_hub(), upstream)) in FAMILIES


def _family(thing: Any) -> str:
    """Name the package of s3prl that a hub entry or an expert's class comes from."""
    return thing.__module__.split(".")[-2:][0]


def build_upstream(spec: UpstreamSpec) -> tuple[nn.Module, Stack]:
    """Load an upstream, freeze it, and choose its forward pass.

    Args:
        spec: as ``check_upstream`` let it pass.

    Raises:
        UserError: if the checkpoint cannot be read.
    """
    with own_conditions():
        return _build(spec)


def _build(spec: UpstreamSpec) -> tuple[nn.Module, Stack]:
    # ours work without s3prl, whose import takes longer than all the rest
    name, path = spec.upstream, spec.path_or_url
    entry: Any = HUB_ENTRIES.get(name) or getattr(s3prl_hub(), name)
    if spec.download_dir:
        import s3prl.util.download as download

        download.set_dir(spec.download_dir)
    kwargs = {"refresh": False, **(spec.extra_conf or {})}
    if path:
        kwargs["ckpt"] = path
    try:
        module = entry(**kwargs)
    except UserError:
        raise
    except Exception as error:  # whatever a checkpoint reader of s3prl may raise
        raise _refused(name, path, error) from error
    module.eval().requires_grad_(False)
    return module, _stack_of(module)


def _refused(name: str, path: str | None, error: Exception) -> UserError:
    """Say what was found where an upstream expected its checkpoint."""
    reason = reason_of(error)
    if reason.startswith("Weights only load failed"):  # torch's advice to s3prl
        reason = "not read"
    text = f"upstream '{name}' cannot be loaded from"
    if path and Path(path).is_file():
        return UserError(
            f"{text} {path}: found {kind_of(path)}; expected a checkpoint that s3prl "
            f"reads as '{name}'; name another file, or the upstream that it is of "
            f"({type(error).__name__}: {reason})."
        )
    path = path or "its registered checkpoint"
    return UserError(f"{text} {path}: {type(error).__name__}: {reason}")


def _stack_of(module: nn.Module) -> Stack:
    """Choose the forward pass: by blocks where the inside is known, else by hooks."""
    if isinstance(module, WhisperEncoder):
        return module
    family = _family(type(module))
    expert: Any = module  # s3prl's UpstreamExpert
    for part in expert.modules():
        if hasattr(part, "feature_grad_mult"):
            # s3prl sets 0.0 here, which runs the convolutions under no_grad; a value
            # below 1 would shrink the gradient, and alpha with it
            part.feature_grad_mult = 1.0
    if family in FAMILIES and getattr(expert, "model", None) is not None:
        expert.remove_all_hooks()
        return ConvTransformerStack(expert, _normalizes_wav(expert))
    with torch.no_grad():
        states = expert([torch.zeros(UPSTREAM_FS)])["hidden_states"]
    return HookedStack(expert, len(states), _stride_of(expert))


def _stride_of(expert: Any) -> int:
    """Samples per frame, for s3prl a number or one for each layer."""
    strides = expert.get_downsample_rates("hidden_states")
    strides = {strides} if isinstance(strides, int) else set(strides)
    if len(strides) > 1:
        raise UserError(
            "an upstream whose layers have different frame rates, "
            f"{' and '.join(map(str, sorted(strides)))} samples a frame, cannot be "
            "used: one mask fits all layers; choose another upstream."
        )
    return strides.pop()


def _normalizes_wav(expert: Any) -> bool:
    for name in ("cfg", "task_cfg"):
        holder = getattr(expert, name, None)
        if holder is not None and hasattr(holder, "normalize"):
            return bool(holder.normalize)
    return bool(expert.wav_normalize)
