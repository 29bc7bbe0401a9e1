"""One probe: a head for one task on one upstream, trained once on clean speech.

Its directory::

    probe.json                  what it belongs to: task, upstream, manifests, settings
    s3prl/                      s3prl's working directory, with the checkpoints
    head.json                   written last: the head that every condition shares
    views/<condition>.csv       the test set with the condition's audio
    evaluate/<condition>/       result.json, predictions.jsonl
"""

from __future__ import annotations

import fcntl
import functools
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.digest import hash_file
from espnet2_ext.fileio.scp import atomic_write
from espnet2_ext.superb.config import merge, read_fragment
from espnet2_ext.superb.features import StoredUpstream
from espnet2_ext.superb.manifest import FS
from espnet2_ext.superb.problems import CsvProblem, problem_of
from espnet2_ext.superb.tasks import Task

PROBE_FORMAT = (
    1  # of probes and results; raised when the same inputs give other numbers
)


@dataclass
class Probe:
    """A task on an upstream.

    Attributes:
        task: which one.
        superb_dir: the directory of the manifests.
        conf_dir: the directory of the fragments.
        directory: of this probe.
        upstream: its features.
        device: of torch.
    """

    task: Task
    superb_dir: Path
    conf_dir: Path
    directory: Path
    upstream: StoredUpstream
    device: str = "cpu"

    def csv(self, split: str) -> Path:
        """Tell where a manifest is."""
        return self.superb_dir / self.task.name / f"{split}.csv"

    def view(self, condition: str) -> Path:
        """Tell where the test set of a condition is."""
        return self.directory / "views" / f"{condition}.csv"

    @property
    def target_dir(self) -> Path:
        """s3prl's working directory."""
        return self.directory / "s3prl"

    @functools.cached_property
    def problem(self) -> CsvProblem:
        """The problem of s3prl."""
        return problem_of(self.task)(self.upstream)

    @functools.cached_property
    def config(self) -> dict[str, Any]:
        """The settings; see `config.merge`."""
        problem: Any = self.problem
        fragment = read_fragment(self.conf_dir, self.task)
        return merge(problem.default_config(), fragment, self.task)

    def run_config(self, tests: list[Path]) -> dict[str, Any]:
        """Give the arguments of s3prl's ``run``, but the stages."""
        data = {split: str(self.csv(split)) for split in ("train", "valid")}
        return {
            **self.config,
            "target_dir": str(self.target_dir),
            "cache_dir": str(self.target_dir / "cache"),
            "prepare_data": {**data, "tests": [str(path) for path in tests]},
            "build_upstream": {"name": self.upstream.spec.tag},
            "device": self.device,
        }

    def crop_samples(self) -> int:
        """Length of the random excerpts that training cuts out; 0: none."""
        options = self.config["build_dataset"].get("train") or {}
        return round((options.get("max_secs") or 0) * FS)

    def identity(self) -> dict[str, Any]:
        """Give all that the head depends on, but how long it is trained."""
        config = {k: v for k, v in self.config.items() if k != "num_workers"}
        train = {k: v for k, v in config["train"].items() if k != "total_steps"}
        splits = [split for split in self.task.splits if split != "test"]
        found = {
            "format": PROBE_FORMAT,
            "task": self.task.name,
            "upstream": self.upstream.spec.identity(),
            "manifests": {split: hash_file(str(self.csv(split))) for split in splits},
            "config": {**config, "train": train},
        }
        return json.loads(json.dumps(found))

    def claim(self) -> None:
        """Make the directory this probe's.

        Raises:
            UserError: if it belongs to another probe, naming what differs.
        """
        path, mine = self.directory / "probe.json", self.identity()
        if path.is_file():
            theirs = json.loads(path.read_text(encoding="utf-8"))
            if different := sorted(_differences(theirs, mine)):
                raise UserError(
                    f"{self.directory} belongs to another probe:\n"
                    + "\n".join(different)
                    + "\nGive another --exp_dir, or remove it to train again."
                )
            return
        with atomic_write(path) as stream:
            json.dump(mine, stream, indent=1, sort_keys=True)

    def head(self) -> dict[str, Any] | None:
        """Read what training left; None if it has not finished."""
        path = self.directory / "head.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _differences(theirs: Any, mine: Any, where: str = "") -> Iterator[str]:
    """Name the entries in which two nested mappings differ."""
    if not (isinstance(theirs, Mapping) and isinstance(mine, Mapping)):
        if theirs != mine:
            yield f"{where} {theirs!r} there, {mine!r} here"
        return
    for key in {**theirs, **mine}:
        path = f"{where}.{key}" if where else key
        yield from _differences(theirs.get(key), mine.get(key), path)


@contextmanager
def locked(probe: Probe) -> Iterator[None]:
    """Let one process at a time work in a probe's directory.

    Raises:
        UserError: if another one does.
    """
    probe.directory.mkdir(parents=True, exist_ok=True)
    with open(probe.directory / ".lock", "w", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(
                f"{probe.directory}: another process works here; wait for its end."
            ) from error
        yield  # closing the file releases the lock, also when the process dies
