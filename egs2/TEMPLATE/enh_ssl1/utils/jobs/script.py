"""The job script in q/, and the files that it and the wrapper share.

    <dir>/a.JOB.log   one log per job: header, output, footer
    <dir>/q/a.sh      the job script, with the submit command at its end
    <dir>/q/a.log     what the submit command and the scheduler said
    <dir>/q/done.PID.JOB   written when a job has ended; holds its exit status

q/ is beside the logs, or beside their directory when that is called log.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex

from jobs.command_line import CommandLine
from jobs.messages import fail

# What the job does itself, so that nothing depends on the scheduler's plugins. {{ }}
# stand for one brace. The status is moved into place: it is never seen half written.
SCRIPT = """\
#!/bin/bash
cd {cwd} || exit 1
{variables}. ./path.sh
log={log}
command={shown}
{prepare}if {is_restart}; then rm -f {done}; else : >"${{log}}"; fi
{{
    echo "# Running on $(hostname)"
    echo "# Started at $(date)"
    {environment}
    printf '# %s\\n' "${{command//{task_pattern}/${task_variable}}}"
}} >>"${{log}}"
if [ "${{CUDA_VISIBLE_DEVICES:-}}" = NoDevFiles ]; then unset CUDA_VISIBLE_DEVICES; fi
begin=$(date +%s)
( {command} ) &>>"${{log}}"
status=$?
end=$(date +%s)
{{
    echo "# Accounting: begin_time=${{begin}}"
    echo "# Accounting: end_time=${{end}}"
    echo "# Accounting: time=$((end - begin)) threads={threads}"
    echo "# Finished at $(date) with status ${{status}}"
}} >>"${{log}}"
echo "${{status}}" >{done}.tmp && mv {done}.tmp {done}
exit $((status ? 1 : 0))
## submitted with:
"""


class Files:
    """Names of the files of one call."""

    def __init__(self, line: CommandLine, done_dir: str) -> None:
        first_log = line.log_of(line.first)
        base = os.path.basename(line.log)
        if line.job:
            base = re.sub(rf"\.?{re.escape(line.job)}", "", base, count=1)
        queue_dir = os.path.join(os.path.dirname(first_log), "q")
        self.queue_dir = re.sub(r"/(log|LOG)/q$", "/q", queue_dir)
        self.queue_log = os.path.join(self.queue_dir, base)
        script = re.sub(r"\.[a-zA-Z]{1,5}$", "", base) + ".sh"
        self.script = os.path.abspath(os.path.join(self.queue_dir, script))
        self.done_dir = os.path.join(self.queue_dir, done_dir)
        self.done = os.path.join(self.done_dir, f"done.{os.getpid()}")
        self.has_number = bool(line.job)

    def done_of(self, number: int) -> str:
        """Name of the file that says that a job has ended."""
        return f"{self.done}.{number}" if self.has_number else self.done

    def kick(self) -> None:
        """Make NFS look at the directory again."""
        with contextlib.suppress(OSError):
            name = os.path.join(self.done_dir, f".kick.{os.getpid()}")
            open(name, "w").close()
            os.remove(name)

    def tidy(self) -> None:
        """Remove the done-files."""
        with contextlib.suppress(OSError):
            for name in os.listdir(self.done_dir):
                if re.match(rf"done\.{os.getpid()}(\.|$)", name):
                    os.remove(os.path.join(self.done_dir, name))


def make_directories(line: CommandLine, files: Files, numbers: list[int]) -> None:
    """Make them and try to write into each; stop if that is impossible."""
    folders = {os.path.dirname(line.log_of(number)) or "." for number in numbers}
    for folder in [*sorted(folders), files.done_dir]:
        probe = os.path.join(folder, f".probe.{os.getpid()}")
        try:
            os.makedirs(folder, exist_ok=True)
            open(probe, "w").close()
            os.remove(probe)
        except OSError as error:
            fail(f"cannot write into {folder}: {error.strerror}; nothing was submitted")


def in_double_quotes(text: str, variable: str) -> str:
    """Quote a file name of which only ${variable} shall be expanded."""
    quoted = re.sub(r'(["\\$`])', r"\\\1", text)
    return '"' + quoted.replace(f"\\${{{variable}}}", f"${{{variable}}}") + '"'


def script_text(
    line: CommandLine,
    files: Files,
    task_variable: str,
    environment: str,
    prepare: str = "",
    is_restart: str = "false",
) -> str:
    """Text of the job script.

    ``task_variable`` holds the job's number. ``environment`` prints header lines,
    ``prepare`` runs before the header, ``is_restart`` tells whether the log
    of an interrupted run is there, and to be kept.
    """
    number = f"${{{task_variable}}}"
    command = line.shell_command(number)
    done = files.done_of(0)[: -len("0")] + number if files.has_number else files.done
    return SCRIPT.format(
        cwd=shlex.quote(os.getcwd()),
        variables=kept_variables(),
        log=in_double_quotes(line.numbered(line.log, number), task_variable),
        shown=shlex.quote(command),
        task_pattern=rf"\$\{{{task_variable}\}}",
        task_variable=task_variable,
        environment=environment,
        prepare=prepare,
        is_restart=is_restart,
        command=command,
        threads=line.threads,
        done=in_double_quotes(os.path.abspath(done), task_variable),
    )


def kept_variables() -> str:
    """Export lines for what $JOB_VARIABLES names (see path.sh) and is set here.

    Submit commands such as `sbatch --export=PATH` lose the caller's variables.
    """
    names = os.environ.get("JOB_VARIABLES", "").split()
    lines = [
        f"export {name}={shlex.quote(os.environ[name])}\n"
        for name in names
        if re.fullmatch(r"[A-Za-z_]\w*", name) and name in os.environ
    ]
    return "".join(lines)
