#!/usr/bin/env bash
# Make the environment: tools/venv, or the one given. Safe to run again.
set -euo pipefail

usage() {
    cat <<EOF
Usage: tools/setup.sh [--python PATH] [--dev true|false]
  --python PATH  # install into the environment of this interpreter, not tools/venv
  --dev true     # also what tests/run.sh needs (default false)
EOF
}
die() { echo "ERROR: $*" >&2; exit 1; }

python=
dev=false
while [ $# -gt 0 ]; do
    case "$1" in
        --python) python=${2:?--python needs a path}; shift 2 ;;
        --dev) dev=${2:?--dev needs true or false}; shift 2 ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; die "found option '$1'; expected one of those above" ;;
    esac
done
[[ ${dev} = true || ${dev} = false ]] || die "found --dev '${dev}'; expected true or false"
[ -z "${python}" ] || "${python}" -c pass 2>/dev/null \
    || die "found --python ${python}, which does not run; expected a Python interpreter"
if [[ ${python} = */* ]]; then python=$(cd "$(dirname "${python}")" && pwd)/${python##*/}; fi
cd "$(dirname "$0")"

# shellcheck source=tools/system.sh
. ./system.sh

make_venv() {
    local free
    read -r _ _ _ free _ < <(df -Pk . | tail -n 1)
    [ "${free}" -ge 8000000 ] \
        || echo "WARNING: found $((free / 1000000)) GB free in ${PWD}; the environment takes 7 GB where torch comes with CUDA" >&2
    rm -rf venv
    "${base_python}" -m venv venv || die "${base_python} -m venv failed; see above"
    python=${PWD}/venv/bin/python
}

# built apart from the environment, as every pip does from 25.3 on
pip_install() {
    "${python}" -m pip install --quiet --disable-pip-version-check --use-pep517 "$@"
}

# the lines of the requirement files, with and without dependencies
pins() { grep -hE '^[A-Za-z]' "${files[@]}" | { grep "$@" '# no-deps$' || true; }; }

install_all() {
    local files=(requirements.txt)
    if [ "${dev}" = true ]; then files+=(requirements-dev.txt); fi
    # pip unpacks gigabytes here; /tmp is often a small one in memory
    local work=${prefix}/tmp.setup
    rm -rf "${work}" && mkdir "${work}"
    export TMPDIR=${TMPDIR:-${work}}
    pins -v >"${work}/with.txt"
    pins >"${work}/without.txt"
    echo "installing $(wc -l <"${work}/with.txt") packages and their dependencies"
    pip_install --upgrade 'setuptools>=77,<81' wheel
    pip_install -r "${work}/with.txt"
    echo "installing $(wc -l <"${work}/without.txt") packages without theirs"
    pip_install --no-deps -r "${work}/without.txt"
    pip_install --no-deps --no-build-isolation -e ..
    rm -rf "${work}"
    "${python}" torchaudio_cpu.py
}

there=${python}
if [ -z "${there}" ] && [ -e venv/complete ] && venv/bin/python -c pass 2>/dev/null; then
    there=${PWD}/venv/bin/python
fi
complete_system "${there}"
python=${there}
[ -n "${python}" ] || make_venv
stamp=$(cat requirements.txt requirements-dev.txt ../setup.py setup.sh | sha256sum)
prefix=$("${python}" -c 'import sys; print(sys.prefix)')
state=${prefix}/complete
found=$(cat "${state}" 2>/dev/null || true)
if [ "${found}" = "true ${stamp}" ]; then dev=true; fi  # what is there stays
if [ "${found}" = "${dev} ${stamp}" ]; then
    echo "the environment of ${python} is complete"
else
    echo "making the environment of ${python}; this takes some minutes"
    SECONDS=0
    install_all
    echo "installed in ${SECONDS} s"
fi
"${python}" check_install.py
echo "${dev} ${stamp}" >"${state}"
