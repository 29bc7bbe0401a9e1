# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # options come from the template, which uses the arrays
# To be sourced after observation_adding.sh: which systems the options describe. One
# system per YAML and seed, in the arrays sys_exp (directory), sys_label, sys_config and
# sys_seed. Public denoisers have denoiser_exp, denoiser_name and denoiser_label; row_exp
# is all directories, with those of observation adding.

sys_exp=() sys_label=() sys_config=() sys_seed=()

list_systems() {
    local configs tags exps labels list seed i tag exp
    read -ra configs <<< "${enh_config}"
    read -ra tags <<< "${enh_tag}"
    read -ra exps <<< "${enh_exp}"
    read -ra labels <<< "${enh_label}"
    local count=${#configs[@]}
    [ "${count}" -gt 0 ] || count=${#exps[@]}
    [ "${count}" -gt 0 ] || count=1
    for list in tags exps labels; do
        local -n values=${list}
        [ "${#values[@]}" -eq 0 ] || [ "${#values[@]}" -eq "${count}" ] \
            || die "found ${#values[@]} ${list} (${values[*]}) for ${count} systems; expected one for each YAML of --enh_config"
    done
    for ((i = 0; i < count; i++)); do
        [ -z "${configs[i]:-}" ] || [ -r "${configs[i]}" ] \
            || die "found --enh_config ${configs[i]}, which cannot be read; expected a YAML file"
        tag=${tags[i]:-$(_tag_of "${configs[i]:-train}")}
        exp=${exps[i]:-${expdir}/enh_${tag}${speed_perturb_factors:+_sp}}
        for seed in ${seeds:-""}; do
            sys_exp+=("${exp}${seed:+_seed${seed}}")
            sys_label+=("${labels[i]:-${tag}}")
            sys_config+=("${configs[i]:-}")
            sys_seed+=("${seed}")
        done
    done
    list=$(printf '%s\n' "${sys_exp[@]}" | LC_ALL=C sort | uniq -d)
    [ -z "${list}" ] || die "found two systems in ${list}; expected one directory each; give --enh_tag"
}

_tag_of() { # YAML: ESPnet's rule: base name, _raw, and the changed arguments
    local text=${enh_args}
    text=${text//--/_}
    text=${text//\//_}
    printf '%s_raw%s' "$(basename "$1" .yaml)" "${text//[ |=]/}"
}

row_exp=()
find_rows() { # once: the systems, and those of ${denoisers} that are installed
    local name text
    [ "${#row_exp[@]}" -eq 0 ] || return 0
    denoiser_exp=() denoiser_name=() denoiser_label=()
    for name in ${denoisers}; do
        if "${dry_run}"; then
            text=${name}
        elif ! text=$("${py[@]}" -m espnet2_ext.bin.denoise --denoiser "${name}" --check 2>&1); then
            log "  left out: ${text}"
            continue
        fi
        denoiser_name+=("${name}")
        denoiser_exp+=("${expdir}/denoise_${name}")
        denoiser_label+=("${text%%:*}")
    done
    list_trained_rows
    row_exp=("${denoiser_exp[@]}" "${trained_exp[@]}")
}

list_systems
check_observation_adding
if [ -z "${inference_tag}" ]; then
    inference_tag=${inference_enh_config:-enhanced}
    inference_tag=$(basename "${inference_tag}" .yaml)
fi
