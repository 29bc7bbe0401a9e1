#!/usr/bin/env bash
# Start a private Grid Engine (qmaster and execd) on loopback, as the current root,
# without systemd: 4 slots in all.q, 4 slots and 2 pretend GPUs in g.q.
#   eval "$(tests/cluster/start_ge.sh DIR)"   exports SGE_* and PATH
#   tests/cluster/stop_ge.sh DIR
# Environment: GE_PORT (16844; the first of 2 ports).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "${here}/packages.sh"
[ $# -eq 1 ] || { echo "usage: start_ge.sh DIR" >&2; exit 1; }
dir=$(realpath -m "$1")
export SGE_ROOT=${dir}/root SGE_CELL=default PATH=${dir}/bin:${PATH}
export SGE_QMASTER_PORT=${GE_PORT:-16844} SGE_EXECD_PORT=$((${GE_PORT:-16844} + 1))
export SGE_CLUSTER_NAME=test

print_environment() {
    local name
    for name in SGE_ROOT SGE_CELL SGE_QMASTER_PORT SGE_EXECD_PORT; do
        printf 'export %s=%q\n' "${name}" "${!name}"
    done
    # shellcheck disable=SC2016 # expanded by the caller's eval
    printf 'export PATH=%q:"${PATH}"\n' "${dir}/bin"
}

if is_alive "${dir}/qmaster.pid" && is_alive "${dir}/execd.pid"; then
    print_environment
    exit 0
fi
[ "$(id -u)" = 0 ] || { echo "found user $(id -un); Grid Engine's daemons need root" >&2; exit 1; }

tree=$(unpack_packages gridengine gridengine-master gridengine-exec gridengine-client) || exit 3 # tests skip
share=${tree}/usr/share/gridengine programs=${tree}/usr/lib/gridengine
rm -rf "${dir:?}"/{root,spool,bin} "${dir}"/*.pid
mkdir -p "${dir}"/{log,bin,spool/{qmaster/job_scripts,execd}} "${SGE_ROOT}/${SGE_CELL}/common"
ln -sfn "${share}/util" "${SGE_ROOT}/util"
# the one path that is compiled in; stop_ge.sh removes the link
[ -e /usr/lib/gridengine ] || ln -sfn "${programs}" /usr/lib/gridengine
wrap_programs "${tree}" "${dir}/bin" "${programs}"/{q*,sge_*,spoolinit,spooldefaults.bin}

host=localhost
echo "${host}" > "${SGE_ROOT}/${SGE_CELL}/common/act_qmaster"
echo "localhost $(hostname -s) $(hostname)" | tr ' ' '\n' | awk '!seen[$0]++' | paste -sd ' ' \
    > "${SGE_ROOT}/${SGE_CELL}/common/host_aliases"
cat > "${SGE_ROOT}/${SGE_CELL}/common/bootstrap" << CONF
admin_user none
default_domain none
ignore_fqdn false
spooling_method berkeleydb
spooling_lib libspoolb
spooling_params ${dir}/spool/db
binary_path ${dir}/bin
qmaster_spool_dir ${dir}/spool/qmaster
security_mode none
listener_threads 2
worker_threads 2
scheduler_threads 1
CONF
mkdir -p "${dir}/spool/db"
# min_uid 0 before execd starts: else the first job of root puts its queue into state E
sed -e "s#^execd_spool_dir .*#execd_spool_dir ${dir}/spool/execd#" -e 's/^min_\([ug]\)id .*/min_\1id 0/' \
    -e 's#^mailer .*#mailer /bin/true#' "${share}/default-configuration" > "${dir}/log/configuration"
{
    spoolinit berkeleydb libspoolb "${dir}/spool/db" init
    spooldefaults.bin configuration "${dir}/log/configuration"
    spooldefaults.bin complexes "${share}/util/resources/centry"
    spooldefaults.bin usersets "${share}/util/resources/usersets"
    spooldefaults.bin managers "$(id -un)"
} > "${dir}/log/spool.out" 2>&1 || { tail -n 5 "${dir}/log/spool.out" >&2; exit 1; }

# a start that fails leaves no process behind
trap '[ $? -eq 0 ] || "${here}/stop_ge.sh" "${dir}"' EXIT
export SGE_ND=1 # the daemons stay in the foreground
start_daemon "${dir}" qmaster sge_qmaster
wait_until 30 qconf -sh || { cat "${dir}/log/qmaster.out" >&2; exit 1; }

. "${here}/ge_settings.sh"
start_daemon "${dir}" execd sge_execd
is_up() { qstat -f | grep '^all.q@' | grep -q 'amd64 *$\|linux *$\|lx-[a-z0-9]* *$'; }
wait_until 30 is_up || {
    echo "found a Grid Engine that does not come up; expected a free all.q; see ${dir}/log" >&2
    qstat -f >&2
    exit 1
}
print_environment
