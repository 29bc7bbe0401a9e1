# shellcheck shell=bash
# shellcheck disable=SC2154 # dir and host come from start_ge.sh
# To be sourced by start_ge.sh once qmaster answers: host, queues, quick scheduling.
{
    qconf -ah "${host}" || true
    qconf -as "${host}" || true
    qconf -ssconf | sed -e 's/^schedule_interval .*/schedule_interval 0:0:2/' \
        -e 's/^flush_submit_sec .*/flush_submit_sec 1/' -e 's/^flush_finish_sec .*/flush_finish_sec 1/' \
        > "${dir}/log/scheduler"
    qconf -Msconf "${dir}/log/scheduler"
    { qconf -sc && echo 'gpu gpu INT <= YES YES 0 0'; } > "${dir}/log/complexes"
    qconf -Mc "${dir}/log/complexes"
    cat > "${dir}/log/host" << CONF
hostname ${host}
load_scaling NONE
complex_values NONE
user_lists NONE
xuser_lists NONE
projects NONE
xprojects NONE
usage_scaling NONE
report_variables NONE
CONF
    qconf -Ae "${dir}/log/host"
    cat > "${dir}/log/smp" << 'CONF'
pe_name smp
slots 999
user_lists NONE
xuser_lists NONE
start_proc_args NONE
stop_proc_args NONE
allocation_rule $pe_slots
control_slaves FALSE
job_is_first_task TRUE
urgency_slots min
accounting_summary FALSE
qsort_args NONE
CONF
    qconf -Ap "${dir}/log/smp"
    for queue in all.q g.q; do
        # load_thresholds NONE: a busy machine would stop the queue
        qconf -sq | sed -e "s/^qname .*/qname ${queue}/" -e "s/^hostlist .*/hostlist ${host}/" \
            -e 's/^load_thresholds .*/load_thresholds NONE/' -e 's/^slots .*/slots 4/' \
            -e 's/^pe_list .*/pe_list smp/' -e 's#^shell .*#shell /bin/bash#' > "${dir}/log/${queue}"
        qconf -Aq "${dir}/log/${queue}"
    done
    qconf -mattr queue complex_values gpu=2 g.q
} > "${dir}/log/settings.out" 2>&1 || { tail -n 5 "${dir}/log/settings.out" >&2; exit 1; }
