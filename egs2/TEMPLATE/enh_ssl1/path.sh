# shellcheck shell=bash
# The environment of every script and job of a recipe; to be sourced in its directory.
# Cluster jobs start with `. ./path.sh` in a fresh environment (sbatch --export=PATH), so
# what they need must be set here or in local/path.sh (proxies, modules ...).
MAIN_ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../.." && pwd)
export MAIN_ROOT
export PATH="${PWD}/utils:${PATH}"
export PYTHONPATH="${MAIN_ROOT}${PYTHONPATH:+:${PYTHONPATH}}"
export LC_ALL=C              # files are sorted bytewise
export OMP_NUM_THREADS=1     # jobs run side by side; one thread each
# Threads of a training that wait for the others spin a little, then sleep. Spinning for
# long takes the processor from those they wait for, where other work runs beside it.
# tests/benchmarks/bench_waiting.py compares settings, on an idle machine and a busy one.
if [ -z "${OMP_WAIT_POLICY:-}" ]; then export GOMP_SPINCOUNT="${GOMP_SPINCOUNT:-2000}"; fi
export PYTHONIOENCODING=UTF-8
# What cluster jobs get as it is in the terminal that submits: slurm.pl and queue.pl write
# these into q/*.sh, if they are set (so no passwords or tokens here).
export JOB_VARIABLES="HF_HOME HF_HUB_CACHE HF_HUB_OFFLINE TRANSFORMERS_OFFLINE TORCH_HOME
    XDG_CACHE_HOME NLTK_DATA PYTHON MPLCONFIGDIR NCCL_SOCKET_IFNAME GLOO_SOCKET_IFNAME
    OMP_WAIT_POLICY GOMP_SPINCOUNT"

# The environment made by tools/setup.sh, unless another one was chosen
# (PYTHON=... in the environment, or --python ... on the command line).
if [ -e "${MAIN_ROOT}/tools/venv/bin/activate" ] && [ -z "${PYTHON:-}" ] \
    && [ "${python:-python3}" = python3 ]; then
    active=${VIRTUAL_ENV:-${CONDA_PREFIX:-}}
    [[ -z ${active} || ${active} -ef ${MAIN_ROOT}/tools/venv ]] || echo "path.sh: found" \
        "${active} active, and take ${MAIN_ROOT}/tools/venv; export PYTHON to choose another" >&2
    unset active
    # shellcheck disable=SC1091
    . "${MAIN_ROOT}/tools/venv/bin/activate"
fi

# ESPnet's imports try to download NLTK data that enhancement never uses; see there.
if [ -z "${NLTK_DATA:-}" ] && [ ! -e "${HOME:-}/nltk_data" ]; then
    export NLTK_DATA="${MAIN_ROOT}/egs2/TEMPLATE/enh_ssl1/utils/no_nltk"
fi

# shellcheck disable=SC1091
if [ -e local/path.sh ]; then . local/path.sh; fi
