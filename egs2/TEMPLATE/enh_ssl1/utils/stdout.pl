#!/usr/bin/env python3
"""Like run.pl, one job after the other, and their output on the terminal too.

    stdout.pl [options] [JOB=m:n] LOG COMMAND ARGS...

For debugging: cmd_backend=stdout in cmd.sh.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from jobs.local import main  # noqa: E402

main(__doc__, echo=True)
