# shellcheck shell=bash
# To be sourced: turns `--name value` into the variable `name`. Kaldi's contract:
#   * the options of a script are its lines `name=default  # comment` above
#     `## end of options`, or else above the line that sources this file;
#   * `--some-name` and `--some_name` are the same; `--name=value` is an error;
#   * an option whose default is true or false accepts only true and false;
#   * `--config FILE` is sourced first, so that the command line wins over it;
#   * `--help` prints ${help_message}, or those lines, and exits 0;
#   * an unknown option exits 1; what follows the options stays in "$@".
# With pass_on=true, all that is no option of this script stays in "$@", for the script
# that it calls next. A function `other_name NAME` may print what an unknown option is
# called here, or, in several words, what to do instead. ${option_names} is all names.

_option_error() {
    printf '%s: %s\n' "$0" "$1" >&2
    exit 1
}

_script_lines() { # those with options; the script may have changed directory
    local script=$0
    [ -r "${script}" ] || script=${0##*/}
    sed -n '/^## end of options/q; /^[^#]*parse_options\.sh/q; p' "${script}"
}

_options_help() { # the comment at the top, then `name=default  # comment` and `## ` titles
    _script_lines | awk -v script="${0##*/}" '
        NR == 1 { printf "Usage: %s [--option value ...]\n", script; head = 1; next }
        head && sub(/^# ?/, "") { print; next }
        { head = 0 }
        /^## / { printf "\n%s\n", substr($0, 4) }
        /^[a-z][a-z0-9_]*=.*[ \t]# / {
            split($0, part, /[ \t]+# /)
            name = part[1]; sub(/=.*/, "", name)
            value = part[1]; sub(/^[^=]*=/, "", value)
            printf "  --%-22s %s [%s]\n", name, part[2], value
        }'
}

_like_option() { # NAME: options that begin like it or hold it, for the error message
    local name
    [ "${#1}" -ge 4 ] || return 0
    for name in ${option_names}; do
        [[ ${name} != "${1:0:5}"* && ${name} != *"$1"* ]] || printf ' --%s' "${name}"
    done
}

_find_option() { # NAME: fills _name with the option that is meant, or stops
    local other="" close
    _name=${1//-/_}
    [[ " ${option_names} " != *" ${_name} "* ]] || return 0
    ! declare -F other_name > /dev/null || other=$(other_name "${_name}")
    [[ ${other} != *" "* ]] || _option_error "found ESPnet's option --$1; ${other}"
    if [[ -n ${other} && " ${option_names} " == *" ${other} "* ]]; then
        _name=${other}
        return
    fi
    close=$(_like_option "${_name}")
    _option_error "invalid option --$1${close:+; did you mean${close}?} (--help lists all)"
}

# set-up installs awk where there is none, so nothing before it needs awk
option_names=$(_script_lines | sed -n '/^help_message=/d; s/^\([a-z][a-z0-9_]*\)=.*/\1/p')
option_names=${option_names//$'\n'/ }
for ((_i = 1; _i < $#; _i++)); do
    if [ "${!_i}" = --config ] && ! "${pass_on:-false}"; then
        _next=$((_i + 1))
        [ -r "${!_next}" ] || _option_error "found --config ${!_next}; expected a readable file"
        # shellcheck disable=SC1090
        . "${!_next}"
    fi
done

_left=()
while [ $# -gt 0 ]; do
    _name=${1#--}
    if [[ $1 == --help || $1 == -h ]]; then
        printf '%s\n' "${help_message:-$(_options_help)}"
        "${pass_on:-false}" || exit 0
        _left+=(--help)
        shift
    elif "${pass_on:-false}" && [[ $1 != --* || " ${option_names} " != *" ${_name//-/_} "* ]]; then
        _left+=("$1")
        shift
        # an option for the next script has its value with it
        if [[ ${_left[-1]} == --* && $# -gt 0 ]]; then _left+=("$1") && shift; fi
    elif [[ $1 == --*=* ]]; then
        _option_error "found $1; expected '${1%%=*} ${1#*=}' (a space, no '=')"
    elif [ "$1" = --config ]; then
        [ $# -gt 1 ] || _option_error "--config needs a file"
        shift 2
    elif [[ $1 == --* ]]; then
        _find_option "${_name}"
        [ $# -gt 1 ] || _option_error "option $1 needs a value"
        if [[ ${!_name} =~ ^(true|false)$ && ! $2 =~ ^(true|false)$ ]]; then
            _option_error "found $1 $2; expected true or false"
        fi
        printf -v "${_name}" '%s' "$2"
        shift 2
    else
        break
    fi
done
set -- "${_left[@]}" "$@"
unset _i _next _name _left
