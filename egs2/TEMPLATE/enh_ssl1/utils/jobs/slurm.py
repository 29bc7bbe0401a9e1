"""Slurm: sbatch, squeue, scancel; scontrol and sacct only to say more.

squeue lists ended jobs for MinJobAge (300 s by default), so no accounting is needed.
"""

from __future__ import annotations

import re

from jobs.scheduler import (
    ENDED,
    FAILED,
    GONE,
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
command sbatch --export=PATH
option name=* --job-name $0
option time=* --time $0
option mem=* --mem-per-cpu $0
option mem=0
option num_threads=* --cpus-per-task $0
option num_nodes=* --nodes $0
default gpu=0
option gpu=0
option gpu=* --gres=gpu:$0
"""

KILLED_STATES = {
    "BOOT_FAIL",
    "CANCELLED",
    "DEADLINE",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PREEMPTED",
    "REVOKED",
    "TIMEOUT",
}

# Reasons of a pending job that time does not cure (squeue's %r).
NEVER_REASONS = {
    "AccountNotAllowed": "this account may not use the partition",
    "BadConstraints": "no node has what is asked for",
    "DependencyNeverSatisfied": "the job it depends on has failed",
    "InvalidAccount": "there is no such account",
    "InvalidQOS": "there is no such qos, or it is not yours",
    "JobHoldMaxRequeue": "it was requeued too often",
    "PartitionConfig": "no node of the partition has what is asked for",
    "PartitionNodeLimit": "more nodes than the partition allows",
    "PartitionTimeLimit": "more time than the partition allows",
    "QOSNotAllowed": "this qos may not use the partition",
    "job_requeued_in_held_state": "it was requeued and is held",
    "launch_failed_requeued_held": "a node could not start it",
}
# Reasons that a person has to end; worth a word, but not to give up.
HELD_REASONS = {
    "BeginTime": "it has a start time; Slurm gives a requeued job one",
    "JobHeldAdmin": "an administrator holds it",
    "JobHeldUser": "release it with scontrol release",
    "PartitionDown": "the partition is closed",
    "PartitionInactive": "the partition is closed",
    "ReqNodeNotAvail": "its nodes are down or reserved",
    "Reservation": "its reservation has not begun",
}
OTHER_LIMIT = "above a limit of your account or qos"
NEVER_LIMIT = re.compile(r"(QOS|Assoc)\w*(PerJob(Limit)?|Wall\w*Limit)|MaxMemPerLimit")
UNREACHABLE = re.compile(
    r"unable to contact slurm controller|connection refused|socket timed out"
    r"|zero bytes were transmitted|gave no answer",
    re.IGNORECASE,
)


class Slurm(Scheduler):
    """A job of sbatch."""

    name = "Slurm"
    default_conf = DEFAULT_CONF
    task_variable = "SLURM_ARRAY_TASK_ID"
    environment = "set | grep ^SLURM | sed 's|^|# |'"
    removed = "CANCELLED while it waited"
    is_restart = '[ "${SLURM_RESTART_COUNT:-0}" -gt 0 ]'

    def __init__(self) -> None:
        super().__init__()
        self.cluster: list[str] = []

    def array_flags(self, numbers: list[int], limit: int) -> str:
        """Flags such as --array=1-4,7%2."""
        return f"--array={spans(numbers)}" + (f"%{limit}" if limit else "")

    def raw_flags(self, words: list[str]) -> list[str]:
        """All but -V: of Grid Engine, it would make sbatch print its version."""
        return [word for word in words if word != "-V"]

    def log_flags(self, queue_log: str) -> str:
        """-o and -e; % would begin one of Slurm's own names."""
        name = queue_log.replace("%", "%%")
        return f"--open-mode=append -e {name} -o {name}"

    def read_job_id(self, output: str) -> bool:
        """Submitted batch job 12 [on cluster x]."""
        found = re.search(r"Submitted batch job (\d+)(?: on cluster (\S+))?", output)
        if found:
            self.job_id = found[1]
            self.cluster = ["-M", found[2]] if found[2] else []
        return bool(found)

    def is_unreachable(self, output: str) -> bool:
        """Whether the controller is down, or too busy to answer."""
        return bool(UNREACHABLE.search(output))

    def query(self) -> list[str]:
        """Squeue with a line per task, ended ones too."""
        what = ["-h", "-r", "-t", "all", "-j", self.job_id, "-o", "%K|%T|%r"]
        return ["squeue", *self.cluster, *what]

    def read_states(self, answer: Answer) -> dict[int, State] | None:
        """Read squeue's lines; a job it has forgotten has no state."""
        if answer.status != 0:
            return {} if "Invalid job id" in answer.stderr else None
        states = {}
        for row in answer.stdout.splitlines():
            task, _, rest = row.partition("|")
            name, found, reason = rest.partition("|")
            if found:
                states[int(task) if task.isdigit() else 0] = read_state(name, reason)
        return states

    def never_starting(self, waiting: dict[int, State]) -> dict[int, str]:
        """Say what squeue's reasons mean."""
        return {
            number: f"{state.reason} ({NEVER_REASONS.get(state.reason, OTHER_LIMIT)})"
            for number, state in waiting.items()
            if state.kind == NEVER
        }

    def held(self, waiting: dict[int, State]) -> str:
        """A hold, a closed partition, nodes that are down."""
        reasons = sorted({state.reason for state in waiting.values()})
        held = [reason for reason in reasons if reason in HELD_REASONS]
        return ", ".join(f"{reason} ({HELD_REASONS[reason]})" for reason in held)

    def look_back(self) -> dict[int, State]:
        """sacct, where there is accounting."""
        what = ["-n", "-P", "-X", "-j", self.job_id, "-o", "JobID,State,ExitCode"]
        answer = ask(["sacct", *self.cluster, *what])
        states = {}
        for row in answer.stdout.splitlines() if answer.status == 0 else []:
            job, name, code = [*row.split("|"), "", ""][:3]
            task = job.partition("_")[2]
            word = (name.split() or [""])[0]  # CANCELLED by 1000
            states[int(task) if task.isdigit() else 0] = read_state(
                word, f"exit code {code}"
            )
        return states

    def explain(self, number: int) -> str:
        """Node and exit code from scontrol."""
        task = f"{self.job_id}_{number}" if number else self.job_id
        said = ask(["scontrol", *self.cluster, "show", "job", task]).stdout
        words = dict(re.findall(r"(\S+?)=(\S*)", said))
        parts = []
        if words.get("ExitCode", "0:0") != "0:0":
            parts.append(f"exit code {words['ExitCode']}")
        node = words.get("NodeList", "(null)")
        if node not in ("(null)", ""):
            parts.append(f"on {node}")
        return ", ".join(parts)

    def cancel(self, numbers: list[int] | None = None) -> list[str]:
        """Scancel."""
        tasks = [] if numbers in (None, [0]) else numbers
        which = f"{self.job_id}_[{spans(tasks)}]" if tasks else self.job_id
        return ["scancel", *self.cluster, which]

    def hint(self) -> str:
        """Return the command that shows everything about the job."""
        return " ".join(["scontrol", *self.cluster, "show", "job", self.job_id])


def read_state(name: str, reason: str) -> State:
    """Classify one of Slurm's states."""
    reason = reason.split(",")[0].strip()
    if name == "PENDING":
        reason = reason.strip("()").replace(" ", "_")
        never = reason in NEVER_REASONS or NEVER_LIMIT.fullmatch(reason)
        return State(NEVER if never else WAITING, name, reason)
    if name in KILLED_STATES:
        return State(KILLED, name, reason)
    if name == "FAILED":
        return State(FAILED, name, reason)
    if name == "COMPLETED":
        return State(ENDED, name, reason)
    return State(RUNNING if name else GONE, name, reason)


def spans(numbers: list[int]) -> str:
    """Write 1-4,7,9-10 for a sorted list."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(f"{a}-{b}" if a < b else str(a) for a, b in parts)
