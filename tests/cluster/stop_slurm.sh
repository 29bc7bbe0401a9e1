#!/usr/bin/env bash
# Stop what start_slurm.sh started in DIR: the jobs, then each process by its recorded id.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/packages.sh"
[ $# -eq 1 ] || { echo "usage: stop_slurm.sh DIR" >&2; exit 1; }
dir=$(realpath -m "$1")
export SLURM_CONF=${dir}/slurm.conf PATH=${dir}/bin:${PATH}

no_jobs() { [ -z "$(squeue -h -t R,CG)" ]; }
if is_alive "${dir}/slurmctld.pid"; then
    timeout 10 scancel --full --user="$(id -un)" 2> /dev/null || true # with their slurmstepd
    wait_until 10 no_jobs || true
fi
shopt -s nullglob
stop_daemons "${dir}"/slurmd.*.pid "${dir}"/slurmctld.pid
stop_daemons "${dir}"/slurmdbd.pid
stop_daemons "${dir}"/mariadb.pid "${dir}"/munged.pid
