#!/usr/bin/env python3
"""Run a command, or an array of them, on this machine; Kaldi's run.pl contract.

    run.pl [options] [JOB=m:n] LOG COMMAND ARGS...

Options may stand before or after JOB=m:n. The name JOB is free; every occurrence
of it in LOG and COMMAND becomes the job's number. An argument without white space
reaches bash as it is (so an escaped `|`, `>` or `;` works); one with white space is
quoted with "...", or with '...' when it contains a double quote.

Options with an effect: --max-jobs-run N (or -tc N), --gpu N, --num-threads N (for the
log), --pick all|failed|incomplete (repeat only what has not succeeded / not ended).
Those for a cluster (--mem T, --time T, --name X, --config F, ...) have none here.
Exit status: 0 if every job succeeded, 1 if one failed, 128 + N after signal N.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from jobs.local import main  # noqa: E402

main(__doc__)
