"""Views of a test set: the same rows with the audio of a condition.

clean wav_path -> id, through the clean scp; id -> audio, through the condition's scp.
Labels, ids and segments are copied as they stand; only audio columns change.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

from espnet2_ext.data.problems import Problem
from espnet2_ext.fileio.scp import atomic_write, read_scp
from espnet2_ext.superb.manifest import (
    FS,
    Manifest,
    ManifestRow,
    audio_header,
    read_task_manifest,
)
from espnet2_ext.superb.tasks import Task


class ViewBuilder:
    """Makes the views of one condition.

    Args:
        clean_scp: utterance id -> the very audio that stands in the test manifests.
        condition_scp: the same ids -> the audio of the condition.

    Raises:
        UserError: if one of the tables cannot be read.
    """

    def __init__(self, clean_scp: str, condition_scp: str) -> None:
        self.clean_scp, self.condition_scp = clean_scp, condition_scp
        clean = read_scp(clean_scp).items()
        self.ids = {os.path.abspath(path): utt for utt, path in clean}
        self.audio = read_scp(condition_scp)

    def build(self, task: Task, superb_dir: Path, out: Path) -> list[Problem]:
        """Write the view of a task's test set, unless there are problems.

        Args:
            task: its test.csv below ``superb_dir`` must be free of problems.
            superb_dir: the directory of the manifests.
            out: the CSV to write; it appears only when complete.

        Returns:
            What is missing or does not fit, all of it; then nothing is written.
        """
        manifest = read_task_manifest(task, superb_dir, "test")
        problems = list(manifest.problems)
        rows = []
        for row in manifest.rows:
            values = dict(row.values)
            for column in task.audio_columns("test"):
                found = self._twin(manifest, row, row[column])
                if isinstance(found, Problem):
                    problems.append(found)
                else:
                    values[column] = found
            rows.append(values)
        if not problems:
            with atomic_write(out) as stream:
                writer = csv.DictWriter(stream, manifest.columns, lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
        return problems

    def _twin(self, manifest: Manifest, row: ManifestRow, path: str) -> str | Problem:
        """Find the condition's audio of a clean file, or say what is wrong."""
        utt = self.ids.get(os.path.abspath(path))
        if utt is None:
            return manifest.at(row.line, row.id).problem(
                "no-twin",
                found=f"{path}, which {self.clean_scp} does not list",
                expected="its clean twin",
                do="run the stage that makes the noisy test set",
            )
        if utt not in self.audio:
            return manifest.at(row.line, row.id).problem(
                "missing-id",
                found=f"no line for {utt} in {self.condition_scp}",
                expected="the ids of the clean set",
                do="enhance the missing utterances",
            )
        clean, other = audio_header(path), audio_header(self.audio[utt])
        if other.error:
            return manifest.at(row.line, row.id).problem(
                "audio",
                found=other.error,
                expected="a wav or flac file",
                do="make it again (--audio_format wav or flac)",
            )
        if other.fs != FS:
            return manifest.at(row.line, row.id).problem(
                "rate",
                found=f"{other.fs} Hz in {self.audio[utt]}",
                expected=f"{FS} Hz",
                do="enhance at this rate",
            )
        if other.samples != clean.samples:
            return manifest.at(row.line, row.id).problem(
                "length",
                found=f"{other.samples} samples in {self.audio[utt]}",
                expected=f"{clean.samples} as in {path}",
                do="align and cut both",
            )
        return self.audio[utt]
