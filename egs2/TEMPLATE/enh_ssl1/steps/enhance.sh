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
    start_systems "${format}" "$@"
    start_denoisers "$@"
    wait_jobs
    add_observations "$@"
    wait_jobs
}

start_systems() { # AUDIO_FORMAT SET...
    local format=$1 exp enhanced dset print todo
    shift
    while IFS=$'\t' read -r exp enhanced; do
        todo=()
        for dset in "$@"; do
            print=$(enhance_print "${exp}" "${dset}")
            up_to_date "${exp}/${enhanced}_${dset}/.stamp" "${print}" \
                "${exp}/${enhanced}_${dset}/spk1.scp" || todo+=("${dset}")
        done
        [ "${#todo[@]}" -eq 0 ] || start_job "enhance ${todo[*]} with ${exp##*/}" \
            "${exp}/${enhanced}_${todo[0]}/logdir/enh_inference.1.log" \
            enhance_system "$(audio_type "${format}")" "${exp}" "${enhanced}" "${todo[@]}"
    done < <(rows system exp enhanced)
}

enhance_print() { # EXP SET
    local model=$1/${inference_model}
    "${dry_run}" || [ -e "${model}" ] \
        || die "found no ${model}; expected a trained model; run stage 6 or give" \
            "--inference_model (there are: $(cd "$1" 2> /dev/null && echo *.pth))"
    fingerprint --input "${model}" --input "$1/config.yaml" --audio "${raw}/$2/wav.scp" \
        ${inference_enh_config:+--input "${inference_enh_config}"} \
        --option "${fs} ${inference_args}"
}

enhance_system() { # TYPE EXP ENHANCED SET..., in the background: a copy that needs no SSL model
    local type=$1 exp=$2 enhanced=$3 config=() args dset dir outputs
    shift 3
    [ -z "${inference_enh_config}" ] || config=(--inference_config "${inference_enh_config}")
    read -ra args <<< "${inference_args}"
    outputs=$(seq -f 'spk%.0f.scp' -s ' ' "${ref_num}")
    x "${py[@]}" -m espnet2_ext.bin.export --exp_dir "${exp}" \
        --model_file "${inference_model}" "${config[@]}"
    for dset in "$@"; do
        dir=${exp}/${enhanced}_${dset}
        parallel "${inference_cmd}" "${raw}/${dset}/wav.scp" "${dir}/.stamp" \
            "$(enhance_print "${exp}" "${dset}")" enh_inference "${outputs}" \
            -m espnet2_ext -m espnet2.bin.enh_inference --ngpu "${inference_ngpu}" --fs "${fs}" \
            --data_path_and_name_and_type "${raw}/${dset}/wav.scp,speech_mix,${type}" \
            --key_file "${dir}/logdir/keys.JOB.scp" --output_dir "${dir}/logdir/output.JOB" \
            --train_config "${exp}/portable/config.yaml" --model_file "${exp}/portable/model.pth" \
            "${config[@]}" "${args[@]}"
    done
}

start_denoisers() { # SET...: public denoisers, no training
    local exp denoiser enhanced dset dir noisy print
    while IFS=$'\t' read -r exp denoiser enhanced; do
        for dset in "$@"; do
            dir=${exp}/${enhanced}_${dset} noisy=${raw}/${dset}/wav.scp
            print=$(fingerprint --audio "${noisy}" --option "${denoiser}")
            start_parallel "denoise ${dset} with ${denoiser}" "${decode_cmd}" "${noisy}" \
                "${dir}/.stamp" "${print}" denoise spk1.scp \
                -m espnet2_ext.bin.denoise --denoiser "${denoiser}" --scp "${noisy}" \
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
                "${noisy}" "${dir}/.stamp" "${print}" observation_adding spk1.scp \
                -m espnet2_ext.bin.observation_adding --weight "${weight}" \
                --enhanced_scp "${source}" --noisy_scp "${noisy}" \
                --key_file "${dir}/logdir/keys.JOB.scp" --out_dir "${dir}/logdir/output.JOB"
        done
    done < <(rows observation_adding exp from weight enhanced)
}
