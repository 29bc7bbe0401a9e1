#!/usr/bin/env bash
# Stop what start_ge.sh started in DIR: the jobs, then each daemon by its recorded id.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/packages.sh"
[ $# -eq 1 ] || { echo "usage: stop_ge.sh DIR" >&2; exit 1; }
dir=$(realpath -m "$1")
export SGE_ROOT=${dir}/root SGE_CELL=default PATH=${dir}/bin:${PATH}
export SGE_QMASTER_PORT=${GE_PORT:-16844} SGE_EXECD_PORT=$((${GE_PORT:-16844} + 1))

no_jobs() { [ -z "$(qstat -u '*')" ]; }
if is_alive "${dir}/qmaster.pid"; then
    timeout 10 qdel -u '*' > /dev/null 2>&1 || true
    wait_until 5 no_jobs || true
fi
stop_daemons "${dir}/execd.pid"
stop_daemons "${dir}/qmaster.pid"
[ ! -L /usr/lib/gridengine ] || rm /usr/lib/gridengine
