"""The options of an enhancement training, checked before any work starts.

``check_args`` refuses what ESPnet would fail on later, or take for something else: the
parts of the network, losses, optimiser, scheduler, the models it starts from, and the
criterion of the best model. The network is built without memory for its weights, so the
check takes seconds.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Mapping, Sequence
from typing import Any

import espnet2.tasks.enh as espnet_enh
import torch
from espnet2.diar.layers.abs_mask import AbsMask
from espnet2.enh.diffusion_enh import ESPnetDiffusionModel
from espnet2.enh.espnet_model import ESPnetEnhancementModel
from espnet2.schedulers.abs_scheduler import AbsValEpochStepScheduler
from espnet2.tasks.abs_task import optim_classes, scheduler_classes
from espnet2.tasks.enh import EnhancementTask
from espnet2.train.class_choices import ClassChoices
from torch import nn

from espnet2_ext.data.mixing import MixingOptions
from espnet2_ext.enh.criterions import check_criterions
from espnet2_ext.enh.on_the_fly import OnTheFlyPreprocessor
from espnet2_ext.enh.selection import check_selection
from espnet2_ext.errors import UserError, brief, unknown_name
from espnet2_ext.train.arguments import blame, check_arguments
from espnet2_ext.train.init_param import check_init_param
from espnet2_ext.train.nonfinite import check_nonfinite

OF_A_VALUE = (AbsValEpochStepScheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)
Task = type[EnhancementTask]
ITERATORS = ("sequence", "category", "chunk")  # of ESPnet's, those that train


def check_args(args: argparse.Namespace, task: Task) -> None:
    """Check the options of a training, from YAML and command line.

    Args:
        args: of the parser of ``task``.
        task: ESPnet's enhancement task, or one derived from it.

    Raises:
        UserError: with what was found, where, and what was expected.
    """
    check_criterions(args.criterions)
    check_nonfinite(args.nonfinite)
    check_parts(args, task)
    with torch.random.fork_rng(devices=[]):
        if not args.collect_stats:  # there no loss is computed, nor an upstream needed
            check_selection(args, build_losses(args.criterions))
        model = build_network(args, task)
        _check_frozen(args.freeze_param, model)
        _check_optimiser(args, model, task)
    if not args.collect_stats:
        check_init_param(args.init_param, model, args.ignore_init_mismatch)
    if args.iterator_type not in ITERATORS and not args.dry_run:
        raise unknown_name("iterator_type", args.iterator_type, ITERATORS)
    if args.use_amp and args.use_tf32:
        raise UserError(
            "use_amp, use_tf32: found both; expected one; leave one of them out."
        )


def build_losses(criterions: Sequence[Mapping[str, Any]]) -> list[nn.Module]:
    """Build the losses with their wrappers, as ESPnet does; no weights are loaded.

    Args:
        criterions: as `check_criterions` let them pass.

    Raises:
        UserError: naming the entry that cannot be built.
    """
    wrappers = []
    for number, entry in enumerate(criterions, start=1):
        where = f"criterions, entry {number}"
        conf, wrapper_conf = entry.get("conf", {}), entry["wrapper_conf"]
        criterion_class = espnet_enh.criterion_choices.get_class(entry["name"])
        wrapper_class = espnet_enh.loss_wrapper_choices.get_class(entry["wrapper"])
        with blame(f"{where}, conf of '{entry['name']}'"):
            criterion = criterion_class(**conf)
        with blame(f"{where}, wrapper_conf"):
            wrappers.append(wrapper_class(criterion=criterion, **wrapper_conf))
    return wrappers


def check_parts(args: argparse.Namespace, task: Task) -> None:
    """Check the names of the parts, and the arguments of each.

    Raises:
        UserError: on an unknown name or argument, or a value of another type.
    """
    given = {
        "separator": ("input_dim",),
        "mask_module": ("input_dim",),
        "preprocessor": ("train", *vars(args)),  # of its own options ESPnet's gives all
    }
    for choices in task.class_choices_list:
        name = getattr(args, choices.name)
        if name is None and not choices.optional:
            raise unknown_name(choices.name, name, choices.classes)
        if name is None or (choices.base_type is AbsMask and not _has_mask(args)):
            continue
        cls, conf = _class(choices, name), getattr(args, f"{choices.name}_conf")
        if choices.name == "preprocessor":
            _check_preprocessor(cls, conf)
        else:
            where = f"{choices.name}_conf of '{name}'"
            check_arguments(where, cls, conf, given.get(choices.name, ()))
    diffuses = args.diffusion_model is not None
    model = ESPnetDiffusionModel if diffuses else ESPnetEnhancementModel
    parts = ("encoder", "separator", "decoder", "mask_module", "loss_wrappers")
    check_arguments("model_conf", model, args.model_conf, (*parts, "diffusion"))


def _has_mask(args: argparse.Namespace) -> bool:
    return args.separator.endswith("nomask")


def _class(choices: ClassChoices, name: object) -> type:
    if not isinstance(name, str) or name.lower() not in choices.classes:
        raise unknown_name(choices.name, name, choices.classes)
    return choices.classes[name.lower()]


def _check_preprocessor(cls: type, conf: Mapping[str, Any]) -> None:
    if issubclass(cls, OnTheFlyPreprocessor):
        check_arguments("preprocessor_conf of 'on_the_fly'", MixingOptions, conf)
        MixingOptions(**conf)  # its lists may be made by a stage before training
        return
    import inspect

    known = set(inspect.signature(cls).parameters) - {"train"}
    if "source_scp" in known:  # ESPnet asks for another name of it
        known = (known - {"source_scp"}) | {"source_scp_name"}
    for key in conf:
        if key not in known:
            raise unknown_name("key in preprocessor_conf", key, known)


def build_network(args: argparse.Namespace, task: Task) -> nn.Module:
    """Build the network, part by part, so that a message can name the part.

    Returns:
        It, without losses, and without memory for its weights where that is possible.

    Raises:
        UserError: naming the part that cannot be built.
    """
    bare = argparse.Namespace(**{**copy.deepcopy(vars(args)), "criterions": None})

    def build() -> nn.Module:
        with blame(f"encoder_conf of '{args.encoder}'"):
            encoder = _part(espnet_enh.encoder_choices, args, "encoder")
            size = encoder.output_dim
        with blame(f"separator_conf of '{args.separator}'"):
            _part(espnet_enh.separator_choices, args, "separator", size)
        with blame(f"decoder_conf of '{args.decoder}'"):
            _part(espnet_enh.decoder_choices, args, "decoder")
        with blame("encoder, separator, decoder and model_conf together"):
            return task.build_model(bare)

    try:
        with torch.device("meta"):  # no memory, no time
            return build()
    except UserError:  # perhaps only for want of numbers
        return build()


def _part(
    choices: ClassChoices, args: argparse.Namespace, name: str, *first: int
) -> Any:
    cls = _class(choices, getattr(args, name))
    return cls(*first, **copy.deepcopy(getattr(args, f"{name}_conf")))


def _check_frozen(prefixes: Sequence[str], model: nn.Module) -> None:
    names = [name for name, _ in model.named_parameters()]
    for prefix in prefixes:
        if not any(f"{name}.".startswith(f"{prefix}.") for name in names):
            parts = {".".join(name.split(".")[:2]) for name in names}
            raise unknown_name("part of the model in freeze_param", prefix, parts)


def _check_optimiser(args: argparse.Namespace, model: nn.Module, task: Task) -> None:
    """Build optimiser and scheduler, and let each take a step."""
    where = f"optim_conf of '{args.optim}'"
    check_arguments(where, optim_classes[args.optim], args.optim_conf, ("params",))
    with blame(where):
        (optimizer,) = super(task, task).build_optimizers(copy.deepcopy(args), model)
        optimizer.step()  # without gradients
    conf = args.scheduler_conf
    if args.scheduler is not None:
        where, scheduler = f"scheduler_conf of '{args.scheduler}'", args.scheduler
        check_arguments(where, scheduler_classes[scheduler], conf, ("optimizer",))
        with blame(where):
            built = scheduler_classes[scheduler](optimizer, **copy.deepcopy(conf))
            optimizer.step()
            built.step(*([0.0] if isinstance(built, OF_A_VALUE) else []))
    elif conf:
        raise UserError(
            f"scheduler_conf: found {brief(conf)} without a scheduler, which would do "
            "nothing; expected both or none; add 'scheduler: ...', or leave it out."
        )
