# shellcheck shell=bash
# Where jobs run. Usage of all wrappers: <cmd>.pl [options] JOB=1:<nj> <log> <command>
# e.g. run.pl --mem 4G JOB=1:10 log/echo.JOB.log echo JOB
# Options: --time T, --mem M, --max-jobs-run N, --num-threads N, --gpu N, --config FILE;
# conf/{slurm,queue,pbs}.conf say what they become on a cluster.
#
# local   this machine (utils/run.pl)
# slurm   sbatch: slurm.pl must be on your PATH (Kaldi's, or ESPnet's utils/)
# sge     qsub of Grid Engine: queue.pl on your PATH
# pbs     qsub of Torque/PBS: pbs.pl on your PATH
cmd_backend=${cmd_backend:-local}

case "${cmd_backend}" in
    local) _cmd=run.pl ;;
    slurm) _cmd=slurm.pl ;;
    sge) _cmd=queue.pl ;;
    pbs) _cmd=pbs.pl ;;
    *)
        echo "cmd.sh: found cmd_backend=${cmd_backend}; expected local, slurm, sge or pbs" >&2
        return 1
        ;;
esac
if ! command -v "${_cmd}" > /dev/null; then
    echo "cmd.sh: cmd_backend=${cmd_backend} needs ${_cmd} on PATH; add its directory in local/path.sh" >&2
    return 1
fi
export train_cmd=${_cmd}  # preparation, statistics
export cuda_cmd=${_cmd}   # training; --gpu N is appended
export decode_cmd=${_cmd} # enhancement, scoring
