"""Train speech enhancement with SSL losses; the options of ESPnet's ``enh_train``."""

from __future__ import annotations

from collections.abc import Sequence

from espnet2_ext.errors import run_main
from espnet2_ext.tasks.enh_ssl import SSLEnhancementTask
from espnet2_ext.torch_utils.distributed import end_without_teardown


def main(cmd: Sequence[str] | None = None) -> None:
    """Run the task; for example ``--config conf/train.yaml --output_dir exp/a``."""
    SSLEnhancementTask.main(cmd=cmd)


if __name__ == "__main__":
    run_main(main)
    end_without_teardown()
