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
cd "$(dirname "$0")"

# pesq has no wheel and is compiled; the rest comes as wheels
debian_packages() {
    local missing=()
    command -v gcc >/dev/null || missing+=(gcc libc6-dev)
    command -v dpkg-deb >/dev/null || missing+=(dpkg)
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing Debian packages: ${missing[*]}"
        apt-get update -qq && apt-get install -y -qq "${missing[@]}"
    else
        die "found no ${missing[*]}; expected them on PATH; as root, run: apt-get install ${missing[*]}"
    fi
}

base_python() {  # the newest of those ESPnet 202511 takes, then the others
    local name
    for name in python3.11 python3.10 python3 python3.12 python3.13; do
        if "${name}" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' \
            2>/dev/null; then
            echo "${name}"
            return
        fi
    done
    die "found no Python; expected 3.10 to 3.13; install one and run this again"
}

make_venv() {
    if [ ! -e venv/complete ] || ! venv/bin/python -c pass 2>/dev/null; then
        rm -rf venv
        "$(base_python)" -m venv venv \
            || die "python -m venv failed; as root, run: apt-get install python3-venv"
    fi
    python=${PWD}/venv/bin/python
}

pip_install() { "${python}" -m pip install --quiet --disable-pip-version-check "$@"; }

# the lines of the requirement files, with and without dependencies
pins() { grep -hE '^[A-Za-z]' "${files[@]}" | { grep "$@" '# no-deps$' || true; }; }

install_all() {
    local work files=(requirements.txt)
    if [ "${dev}" = true ]; then files+=(requirements-dev.txt); fi
    work=$(mktemp -d)
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

debian_packages
[ -n "${python}" ] || make_venv
stamp=$(cat requirements.txt requirements-dev.txt ../setup.py setup.sh | sha256sum)
state=$("${python}" -c 'import sys; print(sys.prefix)')/complete
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
