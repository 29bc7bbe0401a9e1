"""conf/slurm.conf and conf/queue.conf: what options become for the scheduler.

Four kinds of lines, and comments behind #:

command sbatch --export=PATH        the submit command
option NAME=* TEXT                  $0 in TEXT is the option's value
option NAME=VALUE TEXT              for that value only; wins over *
default NAME=VALUE                  when the option is not given
"""

from __future__ import annotations

import re

from jobs.messages import fail, say

COMMAND = re.compile(r"command\s+(.+)")
OPTION = re.compile(r"option\s+([^=\s]+)=(\S+)\s*(.*)")
DEFAULT = re.compile(r"default\s+([^=\s]+)=(\S+)")


class Conf:
    """The rules of one file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.command = ""
        self.rules: dict[tuple[str, str], str] = {}  # (name, value or *): text
        self.defaults: dict[str, str] = {}

    def flags(self, options: dict[str, str]) -> list[str]:
        """Texts for the given options and the defaults, sorted by option name.

        The order is fixed because the last of two contradicting flags counts: so
        --num-threads 8 wins over the `-c $0` that many sites put into gpu=*.
        """
        values = {**self.defaults, **options}
        unknown = [
            f"Command line option {name} not described in {self.path} "
            f"(or value '{value}' not allowed); add a line 'option {name}=* ...'"
            for name, value in sorted(values.items())
            if (name, value) not in self.rules and (name, "*") not in self.rules
        ]
        if unknown:
            for message in unknown:
                say(message)
            raise SystemExit(255)  # Perl's die, as in Kaldi
        return [self._text(name, value) for name, value in sorted(values.items())]

    def _text(self, name: str, value: str) -> str:
        exact = self.rules.get((name, value))
        return self.rules[name, "*"].replace("$0", value) if exact is None else exact


def read_conf(path: str, default: str | None) -> Conf:
    """Read a file; ``default`` is the text to use when there is none."""
    try:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
    except OSError as error:
        if default is None:
            fail(f"Could not open config file {path}: {error.strerror}")
        text, path = default, f"the built-in configuration (no {path})"
    return parse_conf(text, path)


def parse_conf(text: str, path: str) -> Conf:
    """Read the rules; all faulty lines are named at once."""
    conf, faults = Conf(path), []
    for number, whole in enumerate(text.splitlines(), 1):
        line = re.sub(r"\s*#.*", "", whole).strip()
        if line and not _take_line(conf, line):
            faults.append(f"{path}:{number}: unable to parse line '{whole.strip()}'")
    if not conf.command and not faults:
        faults.append(f'config file ({path}) does not contain the line "command .*"')
    if faults:
        faults.append("expected command ..., option NAME=... or default NAME=VALUE")
        fail("; ".join(faults))
    return conf


def _take_line(conf: Conf, line: str) -> bool:
    command = COMMAND.fullmatch(line)
    option = OPTION.fullmatch(line)
    default = DEFAULT.fullmatch(line)
    if command:
        conf.command = command[1]
    elif option:
        if option[2] == "*" and option[3] and "$0" not in option[3]:
            say(f"warning: no $0 in line '{line}' of {conf.path}")
        conf.rules[option[1], option[2]] = option[3]
    elif default:
        conf.defaults[default[1]] = default[2]
    else:
        return False
    return True
