# shellcheck shell=bash
# To be sourced: turns `--name value` into the variable `name`. Kaldi's contract:
#   * the caller has set a default for every option before sourcing this file;
#   * `--some-name` and `--some_name` are the same; `--name=value` is an error;
#   * a variable whose default is true or false accepts only true and false;
#   * `--config FILE` is sourced first, so that the command line wins over it;
#   * `--help` prints ${help_message} and exits 0; an unknown option exits 1;
#   * what follows the options stays in "$@".

_option_error() {
    printf '%s: %s\n' "$0" "$1" >&2
    exit 1
}

_like_option() { # NAME: known options that begin like it, for the error message
    local start=${1:0:5} name
    [ "${#1}" -ge 4 ] || return 0
    for name in $(compgen -v "${start}"); do
        printf ' --%s' "${name}"
    done
}

for ((_i = 1; _i < $#; _i++)); do
    if [ "${!_i}" = --config ]; then
        _next=$((_i + 1))
        [ -r "${!_next}" ] \
            || _option_error "found --config ${!_next}; expected a readable file"
        # shellcheck disable=SC1090
        . "${!_next}"
    fi
done

while [ $# -gt 0 ]; do
    case "$1" in
        --help | -h)
            printf '%s\n' "${help_message:-No help found.}"
            exit 0
            ;;
        --*=*)
            _option_error "found $1; expected '${1%%=*} ${1#*=}' (a space, no '=')"
            ;;
        --config)
            [ $# -gt 1 ] || _option_error "--config needs a file"
            shift 2
            ;;
        --*)
            _name=${1#--}
            _name=${_name//-/_}
            if ! [[ ${_name} =~ ^[a-zA-Z][a-zA-Z0-9_]*$ ]] || [ -z "${!_name+set}" ]; then
                _close=$(_like_option "${_name}")
                _option_error "invalid option $1${_close:+; did you mean${_close}?} (--help lists all)"
            fi
            [ $# -gt 1 ] || _option_error "option $1 needs a value"
            if [[ ${!_name} =~ ^(true|false)$ ]] && ! [[ $2 =~ ^(true|false)$ ]]; then
                _option_error "found $1 $2; expected true or false"
            fi
            printf -v "${_name}" '%s' "$2"
            shift 2
            ;;
        *)
            break
            ;;
    esac
done

if [ -n "${cmd+set}" ] && [ -z "${cmd}" ]; then
    _option_error "empty argument to --cmd option"
fi
unset _i _next _name _close
