"""Grid Engine (SGE, Univa, Son of Grid Engine): qsub, qstat, qdel; qacct says more."""

from __future__ import annotations

import re
import time
from xml.etree import ElementTree

from jobs.scheduler import (
    ENDED,
    KILLED,
    NEVER,
    RUNNING,
    WAITING,
    Answer,
    Scheduler,
    State,
    ask,
)

DEFAULT_CONF = """\
command qsub -v PATH -cwd -S /bin/bash -j y
option name=* -N $0
option time=* -l h_rt=$0
option mem=* -l mem_free=$0
option mem=0
option num_threads=* -pe smp $0
option num_threads=1
default gpu=0
option gpu=0
option gpu=* -l gpu=$0
"""
UNREACHABLE = re.compile(
    r"qmaster|gdi request|commlib|unable to (contact|send)|gave no answer",
    re.IGNORECASE,
)
VERIFY_SECONDS = 60.0  # between questions whether a waiting job can start


class GridEngine(Scheduler):
    """A job of qsub."""

    name = "Grid Engine"
    default_conf = DEFAULT_CONF
    task_variable = "SGE_TASK_ID"
    done_dir = "sync"
    environment = "set | grep -E '^(JOB_ID|SGE_TASK_ID|QUEUE|NSLOTS)=' | sed 's|^|# |'"
    removed = "deleted while it waited"
    is_restart = '[ "${RESTARTED:-0}" = 1 ]'
    lost_grace = 15.0  # a job deleted while it waited leaves no other trace

    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[int] = []  # only where they have gaps, which -t cannot say
        self.verified = float("-inf")
        self.verdict = ""

    def array_flags(self, numbers: list[int], limit: int) -> str:
        """-t and -tc; numbers with gaps are tasks 1-n, mapped in the script."""
        first, last = numbers[0], numbers[-1]
        if len(numbers) != last - first + 1:
            self.numbers = numbers
            first, last = 1, len(numbers)
        return f"-t {first}-{last}" + (f" -tc {limit}" if limit else "")

    def prepare(self, numbers: list[int]) -> str:
        """Map task 1-n to the wanted numbers."""
        if not self.numbers:
            return ""
        listed = " ".join(str(number) for number in numbers)
        return f"numbers=({listed})\nSGE_TASK_ID=${{numbers[SGE_TASK_ID - 1]}}\n"

    def number_of(self, task: str) -> int:
        """Return our number of a task id; 0 for a job without tasks."""
        if not task.isdigit():
            return 0
        return self.numbers[int(task) - 1] if self.numbers else int(task)

    def task_of(self, number: int) -> str:
        """Return the id that qdel understands."""
        if number == 0:
            return self.job_id
        task = self.numbers.index(number) + 1 if self.numbers else number
        return f"{self.job_id}.{task}"

    def log_flags(self, queue_log: str) -> str:
        """-o; standard error goes there too by the conf file's -j y."""
        return f"-o {queue_log}"

    def read_job_id(self, output: str) -> bool:
        """Your job 1 ("x") / Your job-array 1.1-6:1 ("x") has been submitted."""
        found = re.search(r"Your job\S* (\d+)[. ].* has been submitted", output)
        if found:
            self.job_id = found[1]
        return bool(found)

    def is_unreachable(self, output: str) -> bool:
        """Whether qmaster is down or too busy to answer."""
        return bool(UNREACHABLE.search(output))

    def query(self) -> list[str]:
        """Qstat with a line per task, of this user's jobs."""
        return ["qstat", "-g", "d", "-xml"]

    def read_states(self, answer: Answer) -> dict[int, State] | None:
        """Read qstat's XML; ended jobs are not in it."""
        if answer.status != 0:
            return None
        try:
            root = ElementTree.fromstring(answer.stdout)
        except ElementTree.ParseError:
            return None
        states = {}
        for job in root.iter("job_list"):
            if job.findtext("JB_job_number") == self.job_id:
                number = self.number_of(job.findtext("tasks") or "")
                states[number] = read_state(job.findtext("state") or "")
        return states

    def never_starting(self, waiting: dict[int, State]) -> dict[int, str]:
        """State E, or no queue that could take the request even if all were free."""
        broken = [number for number, state in waiting.items() if state.kind == NEVER]
        if broken:
            said = ask(["qstat", "-j", self.job_id]).stdout
            found = re.search(r"error reason.*?:\s*(.*)", said)
            reason = f"state E: {found[1] if found else 'see qstat -j'}"
            return dict.fromkeys(broken, reason)
        if time.monotonic() - self.verified > VERIFY_SECONDS:
            self.verified = time.monotonic()
            self.verdict = self.verify()
        return dict.fromkeys(waiting, self.verdict) if self.verdict else {}

    def verify(self) -> str:
        """Ask whether an empty cluster could run the job."""
        answer = ask(["qalter", "-w", "v", self.job_id])
        if "no suitable queues" not in answer.stdout + answer.stderr:
            return ""
        lines = (answer.stdout + answer.stderr).strip().splitlines()
        said = [line.strip() for line in lines if "verification:" not in line]
        return "; ".join(["no queue could ever take it", *said[:5]])

    def look_back(self) -> dict[int, State]:
        """Read qacct's blocks of "name value" lines."""
        answer = ask(["qacct", "-j", self.job_id])
        states = {}
        for block in re.split(r"^=+$", answer.stdout, flags=re.MULTILINE):
            values = dict(re.findall(r"^(\w+)[ \t]+(.*?)[ \t]*$", block, re.MULTILINE))
            if "exit_status" in values:
                failed = values.get("failed", "0").split()[0] != "0"
                text = ", ".join(
                    f"{name} {' '.join(values[name].split())}"
                    for name in ("failed", "exit_status", "hostname", "maxvmem")
                    if values.get(name, "0") != "0"
                )
                bad = failed or values["exit_status"] != "0"
                number = self.number_of(values.get("taskid", ""))
                states[number] = State(KILLED if bad else ENDED, "ended", text)
        return states

    def cancel(self, numbers: list[int] | None = None) -> list[str]:
        """Qdel."""
        if numbers is None:
            return ["qdel", self.job_id]
        return ["qdel", *map(self.task_of, numbers)]

    def hint(self) -> str:
        """Return the command that shows everything about the job."""
        return f"qstat -j {self.job_id}"


def read_state(letters: str) -> State:
    """Classify qstat's letters: E error, r running, qw waiting ..."""
    if "E" in letters:
        return State(NEVER, letters)
    return State(WAITING if "qw" in letters else RUNNING, letters)
