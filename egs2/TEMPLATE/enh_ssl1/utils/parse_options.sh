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
# that it calls next. With keep_unknown=true, unknown options are kept in the array
# unknown_options as name=value. ${option_names} is all names.

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

_left=() unknown_options=()
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
        _name=${_name//-/_}
        [ $# -gt 1 ] || _option_error "option $1 needs a value"
        if [[ " ${option_names} " != *" ${_name} "* ]]; then
            "${keep_unknown:-false}" || _option_error "invalid option $1 (--help lists all)"
            unknown_options+=("${_name}=$2")
            shift 2
            continue
        fi
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
