#!/usr/bin/env bash
# Set up the environment and run every check: lint, types, shell, tests.
# Options go to pytest: tests/run.sh --slow, tests/run.sh tests/ssl
# With --python 3.13 first, in an environment of that Python: tools/venv-3.13.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=tools/venv
if [ "${1:-}" = --python ]; then
    version=${2:?--python needs a version, such as 3.13}
    venv=tools/venv-${version}
    [ -e "${venv}/bin/python" ] || "python${version}" -m venv "${venv}"
    tools/setup.sh --python "${venv}/bin/python" --dev true
    shift 2
else
    tools/setup.sh --dev true
    tools/check.sh
fi
# shellcheck disable=SC1091
. "${venv}/bin/activate"
export OMP_NUM_THREADS=1 LC_ALL=C.UTF-8
export NLTK_DATA="${NLTK_DATA:-${PWD}/egs2/TEMPLATE/enh_ssl1/utils/no_nltk}"
exec python -m pytest -n 2 --dist loadfile "$@"
