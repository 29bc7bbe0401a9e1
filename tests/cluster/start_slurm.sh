#!/usr/bin/env bash
# Start a private Slurm on loopback: munged, slurmctld and four virtual nodes, as the
# current user, without systemd. Nodes n1, n2 are the partition cpu, n3, n4 (with two
# pretend GPUs each) the partition gpu.
#   eval "$(tests/cluster/start_slurm.sh DIR)"   exports SLURM_CONF and PATH
#   tests/cluster/stop_slurm.sh DIR
# Environment: SLURM_PORT (16817; the first of 7 ports), SLURM_EXTRA (more lines for
# slurm.conf), SLURM_ACCOUNTING (1: MariaDB and slurmdbd too, so that sacct answers).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "${here}/packages.sh"
[ $# -eq 1 ] || { echo "usage: start_slurm.sh DIR" >&2; exit 1; }
dir=$(realpath -m "$1")
port=${SLURM_PORT:-16817} accounting=${SLURM_ACCOUNTING:-0}
cpus=4 memory=8000 # of each node, whatever this machine has
user=$(id -un) host=$(hostname -s)
# Only loopback is listened on where the host's name means that. Elsewhere (127.0.1.1 on
# many a Debian) Slurm would bind to an address that its own programs do not answer to.
loopback=
if [ "$(getent ahostsv4 "${host}" | awk 'NR == 1 { print $1 }')" = 127.0.0.1 ]; then
    loopback=CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
fi
export SLURM_CONF=${dir}/slurm.conf PATH=${dir}/bin:${PATH}

print_environment() {
    # shellcheck disable=SC2016 # expanded by the caller's eval
    printf 'export SLURM_CONF=%q PATH=%q:"${PATH}"\n' "${SLURM_CONF}" "${dir}/bin"
}

if is_alive "${dir}/slurmctld.pid"; then
    print_environment
    exit 0
fi

packages=(slurmctld slurmd slurm-client munge) name=slurm
if [ "${accounting}" = 1 ]; then packages+=(slurmdbd mariadb-server) name=slurm-accounting; fi
tree=$(unpack_packages "${name}" "${packages[@]}") || exit 3 # tests skip
mkdir -p "${dir}"/{state,spool,log,bin}
rm -rf "${dir:?}"/{state,spool,mysql}/* "${dir}"/*.pid
for name in slurmctld slurmd slurmstepd; do # Slurm looks at the name it was called by
    ln -sfn "${name}-wlm" "${tree}/usr/sbin/${name}"
done
wrap_programs "${tree}" "${dir}/bin" "${tree}"/usr/bin/s* "${tree}"/usr/sbin/{munged,slurmctld,slurmd}

cat > "${dir}/slurm.conf" << CONF
ClusterName=test
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${port}
SlurmUser=${user}
SlurmdUser=${user}
PluginDir=$(echo "${tree}"/usr/lib/*/slurm-wlm)
AuthType=auth/munge
AuthInfo=socket=${dir}/munge.socket
CredType=cred/munge
StateSaveLocation=${dir}/state
SlurmdSpoolDir=${dir}/spool/%n
SlurmctldPidFile=${dir}/log/slurmctld.own.pid
SlurmdPidFile=${dir}/log/slurmd.%n.own.pid
SlurmctldLogFile=${dir}/log/slurmctld.log
SlurmdLogFile=${dir}/log/slurmd.%n.log
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
# memory is looked at every second, and a job above its limit killed
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=$((memory / cpus))
# what became of each job, for the tests: independent of squeue and sacct
JobCompType=jobcomp/filetxt
JobCompLoc=${dir}/log/jobcomp.log
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=10
${loopback}
KillWait=2
SchedulerParameters=sched_interval=2,batch_sched_delay=0,bf_interval=2
GresTypes=gpu
NodeName=n[1-2] NodeHostname=${host} NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + 2))] CPUs=${cpus} RealMemory=${memory}
NodeName=n[3-4] NodeHostname=${host} NodeAddr=127.0.0.1 Port=[$((port + 3))-$((port + 4))] CPUs=${cpus} RealMemory=${memory} Gres=gpu:2
PartitionName=cpu Nodes=n[1-2] Default=YES MaxTime=1-0
PartitionName=gpu Nodes=n[3-4] MaxTime=1-0
${SLURM_EXTRA:-}
CONF
# pretend devices of our own: a container may have no /dev/tty0
touch "${dir}"/gpu{0,1}
echo "NodeName=n[3-4] Name=gpu File=${dir}/gpu[0-1]" > "${dir}/gres.conf"
# slurmd looks for cgroups otherwise, which are not everywhere; before 23.11 it does not
# know the word, and there the first plugin does not look as long as nothing asks it
version=$(slurmd -V) && version=${version#* }
plugin=disabled
[ "${version%%.*}" -ge 24 ] || plugin=cgroup/v1
echo "CgroupPlugin=${plugin}" > "${dir}/cgroup.conf"

# a start that fails leaves no process behind
trap '[ $? -eq 0 ] || "${here}/stop_slurm.sh" "${dir}"' EXIT
[ -s "${dir}/munge.key" ] || (umask 077 && head -c 128 /dev/urandom > "${dir}/munge.key")
start_daemon "${dir}" munged munged -F -f --key-file="${dir}/munge.key" --socket="${dir}/munge.socket" \
    --pid-file="${dir}/log/munged.own.pid" --log-file="${dir}/log/munged.log" --seed-file="${dir}/munged.seed"
wait_until 10 test -S "${dir}/munge.socket" || { cat "${dir}/log/munged.out" >&2; exit 1; }
if [ "${accounting}" = 1 ]; then . "${here}/slurm_accounting.sh"; fi
start_daemon "${dir}" slurmctld slurmctld -D -c -f "${SLURM_CONF}"
for n in 1 2 3 4; do
    start_daemon "${dir}" "slurmd.n${n}" slurmd -D -N "n${n}" -f "${SLURM_CONF}" -d "${tree}/usr/sbin/slurmstepd"
done

all_idle() { [ "$(sinfo -h -N -t idle -o %N | sort -u | wc -l)" = 4 ]; }
wait_until 30 all_idle || {
    echo "found a Slurm that does not come up; expected 4 idle nodes; see ${dir}/log" >&2
    tail -n 3 "${dir}"/log/*.out >&2
    exit 1
}
print_environment
