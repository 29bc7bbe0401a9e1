# shellcheck shell=bash
# To be sourced by the templates: what makes the audio of each row, stage 7.
declare raw fs ref_num dry_run decode_cmd inference_cmd inference_ngpu
declare inference_model inference_args inference_enh_config
declare -a py

enhance_sets() { # AUDIO_FORMAT SET...: with everything that has a row, what is not done yet
    local count format=$1
    shift
    count=$(rows any row | wc -l)
    [ "${count}" -gt 0 ] || { log "  no system and no denoiser: nothing to do"; return; }
    share_out "${count}"
    set -- "${@/#/${raw}/}"
    # ESPnet writes a file named after each id, wherever that leads
    run "${py[@]}" -m espnet2_ext.bin.check_ids "${@/%//wav.scp}"
    set -- "${@##*/}"
    start_exports
    wait_shared
    start_systems "$(audio_type "${format}")" "$@"
    start_denoisers "$@"
    wait_shared
    add_observations "$@"
    wait_shared
}

model_print() { # EXP OPTION...
    local model=$1/${inference_model}
    "${dry_run}" || [ -e "${model}" ] \
        || die "found no ${model}; expected a trained model; run stage 6 or give" \
            "--inference_model (there are: $(cd "$1" 2> /dev/null && echo *.pth))"
    fingerprint --input "${model}" --input "$1/config.yaml" \
        ${inference_enh_config:+--input "${inference_enh_config}"} "${@:2}"
}

start_exports() { # copies of the systems that need no SSL model
    local exp print
    while read -r exp; do
        print=$(model_print "${exp}")
        up_to_date "${exp}/.stamp.export" "${print}" "${exp}"/portable/{config.yaml,model.pth} \
            || start_job "export ${exp##*/}" "${exp}/export.log" "${exp}/.stamp.export" \
                "${print}" "${py[@]}" -m espnet2_ext.bin.export --exp_dir "${exp}" \
                --model_file "${inference_model}" \
                ${inference_enh_config:+--inference_config "${inference_enh_config}"}
    done < <(rows system exp)
}

start_systems() { # TYPE SET...
    local exp enhanced dset dir noisy print outputs options
    outputs=$(seq -f 'spk%.0f.scp' -s ' ' "${ref_num}")
    read -ra options <<< "${inference_args}"
    [ -z "${inference_enh_config}" ] || options+=(--inference_config "${inference_enh_config}")
    while IFS=$'\t' read -r exp enhanced; do
        for dset in "${@:2}"; do
            dir=${exp}/${enhanced}_${dset} noisy=${raw}/${dset}/wav.scp
            print=$(model_print "${exp}" --audio "${noisy}" --option "${fs} ${inference_args}")
            start_parallel "enhance ${dset} with ${exp##*/}" "${inference_cmd}" "${noisy}" \
                "${dir}/.stamp" "${print}" enh_inference "${outputs}" -- \
                "${py[@]}" -m espnet2_ext -m espnet2.bin.enh_inference --fs "${fs}" \
                --ngpu "${inference_ngpu}" --key_file "${dir}/logdir/keys.JOB.scp" \
                --data_path_and_name_and_type "${noisy},speech_mix,$1" \
                --output_dir "${dir}/logdir/output.JOB" \
                --train_config "${exp}/portable/config.yaml" \
                --model_file "${exp}/portable/model.pth" "${options[@]}"
        done
    done < <(rows system exp enhanced)
}

start_denoisers() { # SET...: public denoisers, no training
    local exp denoiser enhanced dset dir noisy print
    while IFS=$'\t' read -r exp denoiser enhanced; do
        for dset in "$@"; do
            dir=${exp}/${enhanced}_${dset} noisy=${raw}/${dset}/wav.scp
            print=$(fingerprint --audio "${noisy}" --option "${denoiser}")
            start_parallel "denoise ${dset} with ${denoiser}" "${decode_cmd}" "${noisy}" \
                "${dir}/.stamp" "${print}" denoise spk1.scp -- \
                "${py[@]}" -m espnet2_ext.bin.denoise --denoiser "${denoiser}" --scp "${noisy}" \
                --key_file "${dir}/logdir/keys.JOB.scp" --out_dir "${dir}/logdir/output.JOB"
        done
    done < <(rows denoiser exp denoiser enhanced)
}

# (1 - w) * enhanced + w * noisy. The row of EXP is EXP_oa<w>; EXP_oa<w>/system links to EXP.
add_observations() { # SET...: once they have been enhanced
    local exp from weight enhanced dset dir noisy source print
    while IFS=$'\t' read -r exp from weight enhanced; do
        "${dry_run}" || mkdir -p "${exp}"
        x ln -sfn "../${from}" "${exp}/system"
        for dset in "$@"; do
            dir=${exp}/${enhanced}_${dset} noisy=${raw}/${dset}/wav.scp
            source=${exp%"_oa${weight}"}/${enhanced}_${dset}/spk1.scp
            print=$(fingerprint --audio "${noisy}" --audio "${source}" \
                --option "observation adding ${weight}")
            start_parallel "add ${weight} of the noisy ${dset} to ${from}" "${decode_cmd}" \
                "${noisy}" "${dir}/.stamp" "${print}" observation_adding spk1.scp -- \
                "${py[@]}" -m espnet2_ext.bin.observation_adding --weight "${weight}" \
                --enhanced_scp "${source}" --noisy_scp "${noisy}" \
                --key_file "${dir}/logdir/keys.JOB.scp" --out_dir "${dir}/logdir/output.JOB"
        done
    done < <(rows observation_adding exp from weight enhanced)
}
