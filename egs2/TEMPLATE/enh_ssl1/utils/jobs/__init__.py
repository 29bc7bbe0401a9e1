"""Job wrappers with Kaldi's contract: what run.pl, slurm.pl, queue.pl, stdout.pl share.

Standard library only, Python 3.8 or later: the wrappers start before any environment
exists. To use them in another Kaldi or ESPnet recipe, copy this folder and the .pl
files beside it into the recipe's utils/.

    command_line   options, JOB=1:n, LOG, COMMAND; quoting
    conf           conf/slurm.conf and conf/queue.conf
    logs           headers, footers, last lines, the closing report
    local          run.pl and stdout.pl: on this machine
    cluster        slurm.pl and queue.pl: check, submit, wait, report
    script         the job script that a cluster runs
    waiting        done-files first, then the scheduler's word
    slurm, grid_engine   what differs between schedulers
"""
