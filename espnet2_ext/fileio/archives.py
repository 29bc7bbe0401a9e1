"""Kaldi's archives of audio: ``utt1 data.ark:5``.

ESPnet 202611 reads them with omniio (MIT licence), 202511 with kaldiio, whose licence
is for evaluation alone. Both have the same functions, and either reads the archives of
the other. kaldiio serves where omniio is not installed.
"""

from __future__ import annotations

import importlib
from typing import Any

from espnet2_ext.errors import UserError

MODULES = ("omniio.kaldi", "kaldiio")


def archive_module() -> Any:
    """Import what reads and writes archives: ``load_mat``, ``save_ark``.

    Raises:
        UserError: if none is installed.
    """
    for name in MODULES:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise UserError(
        "found no omniio; expected it to read and write archives (wav.ark, flac.ark, "
        "x.ark:5); pip install omniio, or take --audio_format flac."
    )
