"""ESPnet's ASR task with our ``frontend: s3prl``.

As in `tasks.enh_ssl`, importing this module registers our class, also in the processes
that multi-GPU training spawns, which import the module of the task.
"""

from __future__ import annotations

import espnet2.tasks.asr as espnet_asr
from espnet2.tasks.asr import ASRTask as EspnetASRTask
from espnet2.tasks.asr import frontend_choices

from espnet2_ext.asr.frontend.s3prl import S3prlFrontend
from espnet2_ext.train.task import Checked


class ASRTask(Checked, EspnetASRTask):
    """ESPnet's own, defined here so that spawned workers import this module."""


def register() -> None:
    """Replace the frontend and the task in ``espnet2.tasks.asr``."""
    frontend_choices.classes["s3prl"] = S3prlFrontend
    espnet_asr.ASRTask = ASRTask


register()
