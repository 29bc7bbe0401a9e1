"""The command line of Kaldi's job wrappers.

    <wrapper> [options] [JOB=m:n] LOG COMMAND ARGS...

`--some-name V` is an option of the wrapper (or of conf/<scheduler>.conf) called
some_name; `-x V` goes to the scheduler as it is. Options may stand before or after
JOB=m:n, and the last of two equal ones counts. The name JOB is free.
"""

from __future__ import annotations

import re

from jobs.messages import fail, say

RANGE = re.compile(r"([A-Za-z_]\w*)=(\d+)(?::(\d+))?")
LIKE_RANGE = re.compile(r"[A-Za-z_]\w*=\d*:\d*|[A-Za-z_]\w*=\d+:.*")
PICKS = ("all", "failed", "incomplete")


class CommandLine:
    """What was asked for."""

    def __init__(self) -> None:
        self.options: dict[str, str] = {}
        self.raw: list[str] = []  # the scheduler's own flags
        self.job = ""  # the name that stands for the number; "" without JOB=
        self.first = 1
        self.last = 1
        self.log = ""
        self.command: list[str] = []
        self.threads = 1

    def numbers(self) -> range:
        """Numbers of the jobs."""
        return range(self.first, self.last + 1)

    def numbered(self, text: str, value: str) -> str:
        """Put ``value`` in place of the job's name.

        Shell variables that only contain the name ($SLURM_JOB_ID) are left alone.
        """
        if not self.job:
            return text

        def replace(found: re.Match[str]) -> str:
            variable = found[1]
            if variable and variable.lstrip("${") != self.job:
                return found[0]
            return found[0].replace(self.job, value)

        name = re.escape(self.job)
        return re.sub(rf"(\$\{{?\w*{name}\w*)|{name}", replace, text)

    def log_of(self, number: int) -> str:
        """Name of one job's log."""
        return self.numbered(self.log, str(number))

    def shell_command(self, value: str) -> str:
        """Return the command as bash gets it, with ``value`` as the job's number."""
        return " ".join(self._quote(word, value) for word in self.command)

    def _quote(self, word: str, value: str) -> str:
        """Quote as Kaldi does: only words with white space.

        So an escaped `|`, `>` or `;` works. A word that needs '...' gets a number
        that is a variable in "...", since bash would not expand it otherwise.
        """
        if re.fullmatch(r"\S+", word):
            return self.numbered(word, value)
        if '"' not in word:
            return f'"{self.numbered(word, value)}"'
        if value.startswith("$"):
            value = f"'\"{value}\"'"
        return f"'{self.numbered(word, value)}'"

    def whole_number(self, name: str, default: int) -> int:
        """Value of an option that must be a whole number."""
        value = self.options.get(name, str(default))
        if not value.isdigit():
            switch = "--" + name.replace("_", "-")
            fail(f"found {switch} {value}; expected a whole number")
        return int(value)


def parse(words: list[str]) -> CommandLine:
    """Read the words behind the wrapper's name."""
    line, rest = CommandLine(), list(words)
    while rest:
        found = RANGE.fullmatch(rest[0])
        if found and not line.job:
            _set_range(line, found)
            rest.pop(0)
        elif rest[0].startswith("-") and len(rest) > 1:
            _take_switch(line, rest)
        else:
            break
    if len(rest) < 2:
        fail("expected [options] [JOB=1:n] LOG COMMAND ARGS...; found too few words")
    if LIKE_RANGE.fullmatch(rest[0]):
        fail(f"found {rest[0]} where the log file stands; expected JOB=1:n once")
    line.log, line.command = rest[0], rest[1:]
    if line.last > line.first and line.job not in line.log:
        fail(
            "you are trying to run a parallel job but you are putting the output "
            f"into just one log file ({line.log}); put {line.job} into its name"
        )
    line.threads = line.whole_number("num_threads", line.threads)
    if line.options.get("pick", "all") not in PICKS:
        fail(f"found --pick {line.options['pick']}; expected all, failed or incomplete")
    return line


def _set_range(line: CommandLine, found: re.Match[str]) -> None:
    line.job = found[1]
    line.first = int(found[2])
    line.last = int(found[3] or found[2])
    if line.first < 1:
        fail(f"invalid job range {found[0]}: a job number must be at least 1")
    if line.first > line.last:
        fail(f"invalid job range {found[0]}: the first must not be above the last")


def _take_switch(line: CommandLine, rest: list[str]) -> None:
    """Remove one option and its values from the front of ``rest``."""
    switch = rest.pop(0)
    if switch == "-V":
        line.raw.append(switch)
        return
    if "=" in switch and switch.startswith("--"):
        name, _, value = switch.partition("=")
        fail(f"found {switch}; expected a space, no '=': {name} {value}")
    value = rest.pop(0)
    if value.startswith("--"):
        say(f"warning: suspicious value '{value}' of {switch}")
    if switch.startswith("--"):
        line.options[switch[2:].replace("-", "_")] = value
    elif switch == "-sync":  # the wrapper waits in any case
        pass
    elif switch == "-pe" and rest:  # Grid Engine: -pe smp 5
        line.raw += [switch, value, rest[0]]
        line.threads = int(rest[0]) if rest[0].isdigit() else 1
        rest.pop(0)
    else:
        line.raw += [switch, value]
