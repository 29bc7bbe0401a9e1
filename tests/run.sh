#!/usr/bin/env bash
# Set up the environment and run every check: lint, types, shell, tests.
# Options go to pytest: tests/run.sh --slow, tests/run.sh tests/ssl
set -euo pipefail
cd "$(dirname "$0")/.."

tools/setup.sh --dev true
tools/check.sh
# shellcheck disable=SC1091
. tools/venv/bin/activate
export OMP_NUM_THREADS=1 LC_ALL=C.UTF-8
export NLTK_DATA="${NLTK_DATA:-${PWD}/egs2/TEMPLATE/enh_ssl1/utils/no_nltk}"
exec python -m pytest -n 2 --dist loadfile "$@"
