# shellcheck shell=bash
# shellcheck disable=SC2034 # base_python is for setup.sh
# To be sourced by setup.sh: what the system itself must have. Each thing is tried, not
# looked up by its package's name, and all that is missing is known before anything is
# downloaded. root gets it installed; others are told the one line that installs it.

# Programs that the recipes and the tests call. All are on the smallest Debian; other
# systems, and containers that were cut down, may lack some.
PROGRAMS=(awk:mawk diff:diffutils find:findutils flock:util-linux grep:grep
    hostname:hostname sed:sed dpkg-deb:dpkg apt-cache:apt)

# The newest first: 3.12 and 3.13 have espnet 202611, 3.11 has 202511.
PYTHONS=(python3.13 python3.12 python3.11 python3)

# find_missing PYTHON: sets `missing`, Debian packages, and `base_python`, the interpreter
# to make an environment with. PYTHON is the environment that there is, or empty.
find_missing() {
    local pair
    missing=() base_python=
    for pair in "${PROGRAMS[@]}"; do
        command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
    done
    # pesq is the one package without wheels; where it is there, nothing is compiled
    if [ -n "$1" ] && "$1" -c 'import pesq' 2>/dev/null; then return; fi
    if [ -n "$1" ]; then
        _missing_headers "$1"
    else
        _choose_python
    fi
    _missing_compiler
}

_missing_headers() { # PYTHON: of an environment that was given
    local lacks
    lacks=$("$1" probe_python.py 2>/dev/null) || return 0 # check_install judges it
    [[ ${lacks} != *-dev* ]] || missing+=(python3-dev)
}

_choose_python() { # the first that lacks nothing, else one that packages can complete
    local name lacks incomplete="" unsuitable=""
    for name in "${PYTHONS[@]}"; do
        if lacks=$("${name}" probe_python.py "${name}" 2>/dev/null); then
            [ -n "${lacks}" ] || { base_python=${name}; return; }
            # Debian has packages for its own python3, and not always for others
            [[ -n ${incomplete} && ${name} != python3 ]] || incomplete=${lacks}
        elif [ $? -eq 3 ]; then
            unsuitable=$("${name}" --version 2>&1)
        fi
    done
    if [ -n "${incomplete}" ]; then
        mapfile -t -O "${#missing[@]}" missing <<<"${incomplete}"
    elif [ -n "${unsuitable}" ]; then
        die "found ${unsuitable}; expected Python 3.11 to 3.13; install one and run this again"
    else
        missing+=(python3 python3-venv python3-dev)
    fi
}

_missing_compiler() {
    local work cc
    read -ra cc <<<"${CC:-gcc}"
    if ! command -v "${cc[0]}" >/dev/null; then
        missing+=(gcc libc6-dev)
        return
    fi
    work=$(mktemp -d)
    printf '#include <stdio.h>\nint main(void) { return puts("") < 0; }\n' >"${work}/try.c"
    "${cc[@]}" -o "${work}/try" "${work}/try.c" 2>/dev/null || missing+=(libc6-dev)
    rm -rf "${work}"
}

# complete_system PYTHON: sets `base_python`, or ends with what is missing.
complete_system() {
    local wanted
    find_missing "$1"
    [ "${#missing[@]}" -gt 0 ] || return 0
    wanted="${missing[*]}"
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        die "found no ${wanted}; expected these Debian packages; as root, run: apt-get update && apt-get install -y --no-install-recommends ${wanted}"
    fi
    echo "installing Debian packages: ${wanted}"
    _apt_get update || echo "WARNING: apt-get update failed; going on with the lists that are there" >&2
    _apt_get install -y --no-install-recommends "${missing[@]}" \
        || die "apt-get install ${wanted} failed; expected these Debian packages; see above, then run this again"
    find_missing "$1"
    [ "${#missing[@]}" -eq 0 ] \
        || die "found no ${missing[*]} after installing ${wanted}; expected a Python of 3.11 to 3.13 and a C compiler on PATH"
}

_apt_get() { DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" </dev/null; }
