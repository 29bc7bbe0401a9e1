"""The public denoisers that become rows: those that are installed."""

from __future__ import annotations

from collections.abc import Sequence

from espnet2_ext.plan.environment import READERS, has


def find_denoisers(
    names: Sequence[str], dry_run: bool
) -> tuple[dict[str, str], list[str]]:
    """Look which denoisers are installed.

    Args:
        names: known names in the registry.
        dry_run: list all, with their names as labels.

    Returns:
        name -> printed label of those that are installed, and a note for each other.
        Without an environment that has the registry, all as in a dry run.
    """
    named = {name: name for name in names}
    if dry_run or not names or not has(READERS):
        return named, []
    from espnet2_ext.denoisers.registry import DENOISERS

    labels, notes = {}, []
    for name in named:
        if missing := DENOISERS[name].missing:
            notes.append(f"left out: denoiser {name} is not installed: {missing}")
        else:
            labels[name] = DENOISERS[name].label
    return labels, notes
