# shellcheck shell=bash
# Where jobs run. Usage of all wrappers: <cmd>.pl [options] JOB=1:<nj> <log> <command>
# e.g. run.pl --mem 4G JOB=1:10 log/echo.JOB.log echo JOB
# Options: --time T, --mem M, --max-jobs-run N, --num-threads N, --gpu N, --num-nodes N,
# --name X, --config FILE; conf/{slurm,queue}.conf say what they become on a cluster.
#
# local   this machine (run.pl)
# slurm   sbatch (slurm.pl); edit conf/slurm.conf
# sge     qsub of Grid Engine (queue.pl); edit conf/queue.conf
# pbs     qsub of Torque or PBS: with the pbs.pl of your own, see below; conf/pbs.conf
# stdout  this machine, one job after the other, output shown too (stdout.pl); to debug
#
# To use the wrappers of a Kaldi or ESPnet checkout instead of those in utils/, set
# cmd_dir=/path/to/kaldi/egs/wsj/s5/utils/parallel; their command lines are the same.
cmd_backend=${cmd_backend:-local}
cmd_dir=${cmd_dir:-}

case "${cmd_backend}" in
    local) _cmd=run.pl ;;
    slurm) _cmd=slurm.pl ;;
    sge) _cmd=queue.pl ;;
    pbs) _cmd=pbs.pl ;;
    stdout) _cmd=stdout.pl ;;
    *)
        echo "cmd.sh: found cmd_backend=${cmd_backend};" \
            "expected local, slurm, sge, pbs or stdout" >&2
        return 1
        ;;
esac
_cmd=${cmd_dir:+${cmd_dir}/}${_cmd}
if ! command -v "${_cmd}" > /dev/null; then
    echo "cmd.sh: cmd_backend=${cmd_backend} needs ${_cmd};" \
        "give its directory as cmd_dir in cmd.sh" >&2
    return 1
fi
# Here is the place for what all jobs of a kind need: "${_cmd} --mem 4G --time 4:00:00"
export train_cmd=${_cmd}  # preparation, statistics
export cuda_cmd=${_cmd}   # training; --gpu N is appended
export decode_cmd=${_cmd} # enhancement, scoring
