#!/usr/bin/env bash
# Lint, types and shellcheck over everything that git knows or would add.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -e tools/venv/bin/activate ]; then
    # shellcheck disable=SC1091
    . tools/venv/bin/activate
fi

shell_scripts() {
    # without git, or in an unpacked archive: all files outside what setup.sh has made
    git ls-files --cached --others --exclude-standard -- '*.sh' .ci/run 2>/dev/null \
        || find . \( -path ./tools/venv -o -path ./tools/.apt -o -path './egs2/*/*/downloads' \
            -o -path './egs2/*/*/exp' \) -prune -o \( -name '*.sh' -o -path ./.ci/run \) -print
}

echo "ruff"
ruff check --quiet .
ruff format --check --quiet .
echo "mypy"
mypy
echo "shellcheck"
mapfile -t scripts < <(shell_scripts | while read -r f; do
    [ -L "${f}" ] || [ ! -f "${f}" ] || echo "${f}"
done)
shellcheck "${scripts[@]}"
echo "no complaints"
