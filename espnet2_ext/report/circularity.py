"""Which upstreams are in a system's losses, and which a judge listens through."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.yaml import read_yaml
from espnet2_ext.ssl.relation import Upstream, relation

# ESPnet's modules of a recogniser that are such models -> the option with the size
OF_ESPNET = {
    "whisper": "whisper_model",
    "hubert": "",
    "hubert_pretrain": "",
    "torchaudiohubert": "",
    "wav2vec2": "",
    "beats": "",
    "avhubert": "",
}


class Related(NamedTuple):
    """Which systems have what a judge listens through in their loss.

    Attributes:
        what: of the judge is meant, e.g. ``"its encoder"``.
        kinds: system -> ``"same"`` or ``"family"``; the others are not there.
    """

    what: str
    kinds: Mapping[str, str]

    def __str__(self) -> str:
        parts = []
        for kind, what in (("same", ""), ("family", "a model of the family of ")):
            names = [name for name, found in self.kinds.items() if found == kind]
            if names:
                parts.append(f"{what}{self.what} is in the loss of {', '.join(names)}")
        return "; ".join(parts)


def related(
    what: str, judges: Iterable[Upstream], losses: Mapping[str, Iterable[Upstream]]
) -> Related | None:
    """Say which systems aim at what a judge listens through, if any.

    Args:
        what: of the judge may be in a loss, e.g. ``"its encoder"``.
        judges: the upstreams that it listens through.
        losses: system -> the upstreams of its losses.
    """
    judges = list(judges)
    found = {name: relation(judges, ups) for name, ups in losses.items()}
    kinds = {name: kind for name, kind in found.items() if kind}
    return Related(what, kinds) if kinds else None


def of_conf(conf: Any) -> Iterator[Upstream]:
    """Give the upstream that a ``conf:`` names, and that of a head it learns from."""
    if not isinstance(conf, Mapping) or not conf.get("upstream"):
        return
    path = conf.get("path_or_url")
    yield Upstream(str(conf["upstream"]), str(path) if path else None)
    layers = conf.get("layers")
    if isinstance(layers, Mapping) and "featurizer" in layers:
        for folder in (Path(str(layers["featurizer"])), *_above(layers["featurizer"])):
            if (folder / "probe.json").is_file():
                yield of_probe(folder)
                return


def _above(path: object) -> Sequence[Path]:
    return Path(str(path)).parents[:5]  # s3prl/train/<step>/model/state_dict.pt


def of_probe(directory: Path, result: Mapping[str, Any] | None = None) -> Upstream:
    """Give the upstream of a probe.

    Args:
        directory: of the probe, with its probe.json.
        result: of an evaluation; those of before call the YAML's name ``upstream``, so
            that probe.json has to be asked.
    """
    if result is not None and "tag" in result:
        return _stored(result)
    path = directory / "probe.json"
    if path.is_file():
        try:
            return _stored(json.loads(path.read_text(encoding="utf-8"))["upstream"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path}: broken ({error!r}); expected what stage 13 writes; remove "
                "the directory, run stages 13 and 14."
            ) from error
    return Upstream(str((result or {}).get("upstream") or directory.parent.name))


def _stored(entry: Mapping[str, Any]) -> Upstream:
    return Upstream(
        str(entry["upstream"]), entry.get("path_or_url"), entry.get("checkpoint")
    )


def of_recogniser(config: Mapping[str, Any]) -> list[Upstream]:
    """List the upstreams that an ESPnet recogniser listens through."""
    found: list[Upstream] = []
    frontends = [(config.get("frontend"), config.get("frontend_conf") or {})]
    conf = frontends[0][1]
    if config.get("frontend") == "fused":
        entries = conf.get("frontends") or []
        frontends = [(entry.get("frontend_type"), entry) for entry in entries]
    for kind, conf in frontends:
        if kind == "s3prl":
            found += of_conf(conf.get("frontend_conf"))
        elif kind in OF_ESPNET:
            found.append(_of_espnet(str(kind), conf))
    encoder = config.get("encoder")
    if encoder in OF_ESPNET:
        found.append(_of_espnet(str(encoder), config.get("encoder_conf") or {}))
    return found


def _of_espnet(kind: str, conf: Mapping[str, Any]) -> Upstream:
    size = conf.get(OF_ESPNET[kind]) if OF_ESPNET[kind] else None
    name = kind.removeprefix("torchaudio").removeprefix("av")
    return Upstream(f"{name}_{size}" if size else name)


def of_losses(exp_dir: Path) -> set[Upstream]:
    """List the upstreams in the losses that a system was trained with.

    Those of the training that it started from (``init_param``) count, too.

    Raises:
        UserError: if there is no config.yaml.
    """
    path = exp_dir / "config.yaml"
    if not path.is_file():
        raise UserError(f"{path}: no such file; train the system (stage 6).")
    return _of_training(path, set())


def _of_training(path: Path, seen: set[Path]) -> set[Upstream]:
    if path.resolve() in seen:
        return set()
    seen.add(path.resolve())
    config = read_yaml(path, empty_ok=True)
    found: set[Upstream] = set()
    for criterion in config.get("criterions") or []:
        found.update(of_conf(criterion.get("conf")))
    for start in config.get("init_param") or []:
        before = Path(str(start).split(":")[0]).parent / "config.yaml"
        if before.is_file():
            found |= _of_training(before, seen)
    return found
