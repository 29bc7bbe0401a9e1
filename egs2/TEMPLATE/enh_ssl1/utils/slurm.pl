#!/usr/bin/env python3
"""Run a command, or an array of them, through Slurm; Kaldi's slurm.pl contract.

    slurm.pl [options] [JOB=m:n] LOG COMMAND ARGS...

Options become flags of sbatch as conf/slurm.conf says: --name, --time, --mem,
--num-threads, --num-nodes, --gpu and whatever else it describes. `-x V` goes to sbatch
as it is. Options of slurm.pl itself:

    --config FILE        instead of conf/slurm.conf
    --max-jobs-run N     tasks of an array that run at the same time
    --pick all|failed|incomplete   repeat only what has not succeeded / not ended
    --give-up SECONDS    for a request that can never start (600, or $JOB_GIVE_UP)

Every occurrence of JOB in LOG and COMMAND becomes the job's number. An argument
without white space reaches bash as it is; others are quoted with "...", or with '...'
when they contain a double quote. Jobs start with `. ./path.sh`; variables named in
$JOB_VARIABLES have the values they have here.
Exit status: 0 if every job succeeded, 1 if one failed, 2 after a signal (the jobs are
cancelled), 255 for an option that conf/slurm.conf does not describe.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from jobs.cluster import main  # noqa: E402
from jobs.slurm import Slurm  # noqa: E402

main(Slurm(), __doc__, "conf/slurm.conf")
