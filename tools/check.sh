#!/usr/bin/env bash
# Lint, types and shellcheck over everything that git knows or would add.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -e tools/venv/bin/activate ]; then
    # shellcheck disable=SC1091
    . tools/venv/bin/activate
fi

files() { git ls-files --cached --others --exclude-standard -- "$@"; }

echo "ruff"
ruff check --quiet .
ruff format --check --quiet .
echo "mypy"
mypy
echo "shellcheck"
mapfile -t scripts < <(files '*.sh' .ci/run | while read -r f; do
    [ -L "${f}" ] || [ ! -f "${f}" ] || echo "${f}"
done)
shellcheck "${scripts[@]}"
echo "no complaints"
