# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables are shared with the template
# To be sourced before systems.sh: rows of systems with observation adding,
# (1 - w) * enhanced + w * noisy, for every w of ${observation_adding}. The row of EXP
# is EXP_oa<w>, with EXP_oa<w>/system a link to EXP. Arrays: oa_exp, oa_from, oa_weight;
# trained_exp and trained_label are systems and these rows in the order of the tables.

check_observation_adding() { # fills oa_weights: those of ${observation_adding} but 0
    local weight
    oa_weights=()
    for weight in ${observation_adding:-}; do
        [[ ${weight} =~ ^(0|1|0\.[0-9]+)$ ]] \
            || die "found --observation_adding '${observation_adding}'; expected numbers from 0 to 1, such as 0.1"
        [[ " ${oa_weights[*]:-} " != *" ${weight} "* ]] \
            || die "found ${weight} twice in --observation_adding '${observation_adding}'; expected each number once"
        [[ ${weight} =~ ^0(\.0+)?$ ]] || oa_weights+=("${weight}")
    done
    [ "${#oa_weights[@]}" -gt 0 ] || return 0
    [ "${ref_num}" -eq 1 ] || die "found --observation_adding and --ref_num ${ref_num}; expected 1: the noisy speech holds every speaker"
    [[ ! ${inference_args} =~ normalize_output_wav\ +[Tt]rue ]] \
        || die "found --observation_adding and '--normalize_output_wav true'; expected false: the enhanced speech needs its own level"
}

list_trained_rows() { # of each system (all its seeds), then of it with each weight
    local i j weight
    trained_exp=() trained_label=() oa_exp=() oa_from=() oa_weight=()
    for ((i = 0; i < ${#sys_exp[@]}; i = j)); do
        for ((j = i; j < ${#sys_exp[@]}; j++)); do
            [ "${sys_label[j]}" = "${sys_label[i]}" ] || break
            trained_exp+=("${sys_exp[j]}")
            trained_label+=("${sys_label[i]}")
        done
        for weight in "${oa_weights[@]}"; do
            add_rows "${weight}" "${sys_label[i]}+OA${weight}" "${sys_exp[@]:i:j-i}"
        done
    done
}

add_rows() { # WEIGHT LABEL EXP...
    local weight=$1 label=$2 exp
    shift 2
    for exp in "$@"; do
        oa_exp+=("${exp}_oa${weight}")
        oa_from+=("${exp}")
        oa_weight+=("${weight}")
        trained_exp+=("${exp}_oa${weight}")
        trained_label+=("${label}")
    done
}

add_observations() { # SET...: once they have been enhanced, what is not done yet
    local i
    wait_jobs
    for i in "${!oa_exp[@]}"; do
        start_job "add ${oa_weight[i]} of the noisy $* to ${oa_from[i]##*/}" \
            "${oa_exp[i]}/${inference_tag}_$1/logdir/observation_adding.1.log" \
            add_observation "${oa_weight[i]}" "${oa_from[i]}" "${oa_exp[i]}" "$@"
    done
    wait_jobs
}

add_observation() { # WEIGHT FROM EXP SET..., in the background
    local weight=$1 from=$2 exp=$3 dset dir noisy enhanced n print job
    shift 3
    read -ra job <<< "${decode_cmd}"
    x ln -sfn "../${from##*/}" "${exp}/system"
    for dset in "$@"; do
        dir=${exp}/${inference_tag}_${dset} noisy=${raw}/${dset}/wav.scp
        enhanced=${from}/${inference_tag}_${dset}/spk1.scp
        print=$(fingerprint --audio "${noisy}" --audio "${enhanced}" --option "observation adding ${weight}")
        up_to_date "${dir}/.stamp" "${print}" "${dir}/spk1.scp" && continue
        n=$(at_most "${splits}" "$(count_lines "${noisy}")")
        fresh_logdir "${dir}/logdir" "${print} ${n}"
        split_keys "${noisy}" "${n}" "${dir}/logdir/keys"
        x "${job[@]}" "${pick[@]}" JOB=1:"${n}" "${dir}/logdir/observation_adding.JOB.log" \
            "${py[@]}" -m espnet2_ext.bin.observation_adding --weight "${weight}" \
            --enhanced_scp "${enhanced}" --noisy_scp "${noisy}" \
            --key_file "${dir}/logdir/keys.JOB.scp" --out_dir "${dir}/logdir/output.JOB"
        merge_scp "${dir}" spk1.scp "${n}" "${noisy}"
        stamp "${dir}/.stamp" "${print}"
    done
}
