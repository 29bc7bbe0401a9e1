"""``python -m espnet2_ext -m espnet2.bin.X ARGS``: ESPnet's X with our classes in it.

For users of ESPnet's own recipes: ``enh.sh --python "python3 -m espnet2_ext"``.
The module is imported and its ``main`` called: ``runpy`` would run a second copy of it
under another name, which the processes that multi-GPU training spawns cannot find.
Inference is guarded (`espnet2_ext.inference`); an archive is made for plain ESPnet.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys

from espnet2_ext.errors import UserError, run_main

USAGE = (
    "expected: python -m espnet2_ext -m MODULE [ARGS...], where MODULE has a main(), "
    "e.g. espnet2.bin.enh_train"
)
GUARDED = "espnet2.bin.enh_inference", "espnet2.bin.asr_inference"


def tasks_of(module: str) -> list[str]:
    """Name our task modules that ``module`` needs; importing ESPnet's takes seconds."""
    for task in ("asr", "hubert"):
        if module.startswith(f"espnet2.bin.{task}_"):
            return [task]
    return ["enh_ssl"]


def main() -> None:
    """Call ``main()`` of the module named on the command line.

    Raises:
        UserError: if the command line names no module, or one without ``main``.
    """
    if len(sys.argv) < 3 or sys.argv[1] != "-m":
        raise UserError(f"found arguments {sys.argv[1:]}; {USAGE}.")
    name = sys.argv[2]
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise UserError(f"cannot find module '{name}'; {USAGE}.")
    for task in tasks_of(name):
        importlib.import_module(f"espnet2_ext.tasks.{task}")  # registers our classes
    module = importlib.import_module(name)
    if not hasattr(module, "main"):
        raise UserError(f"module '{name}' has no main(); {USAGE}.")
    words = sys.argv[3:]
    if name == "espnet2.bin.pack":
        from espnet2_ext.enh.export import portable_words

        words = portable_words(words)
    sys.argv = [str(module.__file__), *words]
    if name in GUARDED:
        from espnet2_ext.inference import protect

        protect(module)()
    else:
        module.main()


if __name__ == "__main__":
    run_main(main)
