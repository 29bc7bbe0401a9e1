"""Let a CUDA-linked torchaudio wheel work with a CPU build of torch.

torchaudio's wheel carries one native library that is linked against CUDA. Beside a
CPU build of torch it cannot load, and neither can torchaudio. Without that file
torchaudio is the pure-Python package its documentation describes, which is all that
is needed here. Nothing is touched where the library loads, or torch has CUDA.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Remove the library if, and only if, it cannot serve here."""
    import torch

    spec = importlib.util.find_spec("torchaudio")
    if torch.version.cuda is not None or spec is None or spec.origin is None:
        return
    loads = subprocess.run(
        [sys.executable, "-c", "import torchaudio"], capture_output=True, check=False
    )
    if loads.returncode == 0:
        return
    for library in Path(spec.origin).parent.glob("lib/_torchaudio*.so"):
        print(f"removing {library.name}: it needs CUDA, and torch is a CPU build")
        library.unlink()


if __name__ == "__main__":
    main()
