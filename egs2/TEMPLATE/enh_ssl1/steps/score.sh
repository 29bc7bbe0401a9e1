# shellcheck shell=bash
# To be sourced by the templates: scores of every row of the table, stage 8.
declare raw dry_run decode_cmd recognisers ssl_conf scoring_metrics
declare -a py

score_sets() { # SET...: clean, noisy and every row
    local dset name scp dir
    share_out $(($# * $(conditions "" | wc -l)))
    for dset in "$@"; do
        while IFS=$'\t' read -r name scp dir; do
            if [ "${name}" = clean ]; then name=scoring_clean; else name=scoring; fi
            score_scp "${raw}/${dset}" "${scp}" "${dir}/${name}"
        done < <(conditions "${dset}")
    done
    wait_shared
}

score_scp() { # DATA_DIR SCP DIR: start scoring the audio of SCP, unless it is done
    local print text=$1/text inputs=() words=() conf judges=${recognisers}
    local collect=("${py[@]}" -m espnet2_ext.bin.collect_scores --scoring_dir "$3")
    if [ -n "${judges}" ] && ! "${dry_run}" && [ ! -e "${text}" ]; then
        [ "${1##*/}" = "${valid_set-}" ] \
            || die "found no ${text}; --recognisers '${recognisers}' needs it;" \
                "add text in local/data.sh or give --recognisers ''"
        judges=""
    fi
    [ ! -e "${text}" ] || inputs+=(--input "${text}")
    for conf in ${ssl_conf} ${versa_config-}; do inputs+=(--input "${conf}"); done
    print=$(fingerprint --audio "$1/spk1.scp" --audio "$2" "${inputs[@]}" \
        --option "${scoring_metrics} / ${judges}")
    [ -z "${judges}" ] || words=(--text "${text}")
    start_parallel "score $3" "${decode_cmd}" "$2" "$3/.stamp" "${print}" score scores.jsonl \
        --then "${collect[*]@Q}" -- "${py[@]}" -m espnet2_ext.bin.score \
        --ref_scp "$1/spk1.scp" --inf_scp "$2" "${words[@]}" \
        --key_file "$3/logdir/keys.JOB.scp" --metrics "${scoring_metrics}" \
        --recognisers "${judges}" --ssl_conf "${ssl_conf}" \
        ${versa_config:+--versa_config "${versa_config}"} \
        --output "$3/logdir/scores.JOB.jsonl"
}
