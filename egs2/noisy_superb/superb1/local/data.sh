#!/usr/bin/env bash
# Stage 1: CSV manifests of clean speech out of the corpora that db.sh names, one task
# after the other. What is wrong with all of them is said at the end, and nothing of a
# task is overwritten before its corpus was read whole.
set -euo pipefail

superb_tasks="asr pr ks ic sid asv er sf sd" # any of them
superb_dir=data/superb  # <task>/{train,valid,test}.csv
oov=                    # pr: error, skip; empty: skip with cmudict, error with a lexicon
er_fold=0               # er: 0-4, which of Session1-5 is the test set
num_jobs=4              # processes that read a corpus

# shellcheck disable=SC2034 # parse_options.sh prints it
help_message=$(sed -n '2,4s/^# //p; /^[a-z_]*=[^$]*  # /{s/=/ /; s/^/--/p}' "$0")

# shellcheck disable=SC1091
. ./path.sh
# shellcheck disable=SC1091
. ./db.sh
# shellcheck disable=SC1091
. utils/parse_options.sh

if [ $# -ne 0 ]; then
    echo "local/data.sh: found '$*'; expected only options (--help lists them)" >&2
    exit 2
fi

read -ra py <<< "${PYTHON:-python3}" # may be several words
failed=""
for task in ${superb_tasks}; do
    options=()
    case "${task}" in
        asr) corpus=${LIBRISPEECH} ;;
        pr)
            corpus=${LIBRISPEECH}
            if [ -n "${LIBRISPEECH_LEXICON}" ]; then
                options=(--lexicon "${LIBRISPEECH_LEXICON}" --oov "${oov:-error}")
            else
                options=(--oov "${oov:-skip}")
            fi
            ;;
        ks) corpus=${SPEECH_COMMANDS_V1} ;;
        ic) corpus=${FLUENT_SPEECH_COMMANDS} ;;
        sid | asv) corpus=${VOXCELEB1} ;;
        er)
            corpus=${IEMOCAP}
            options=(--fold "${er_fold}" ${IEMOCAP_SPLIT:+--split_dir "${IEMOCAP_SPLIT}"})
            ;;
        sf) corpus=${SNIPS} ;;
        sd) corpus=${LIBRIMIX_SD} ;;
        *) corpus="" ;; # prepare_superb names the choices
    esac
    "${py[@]}" -m espnet2_ext.bin.prepare_superb --task "${task}" --corpus_dir "${corpus}" \
        --out_dir "${superb_dir}" --num_jobs "${num_jobs}" "${options[@]}" \
        || failed+="${failed:+ }${task}"
done
if [ -n "${failed}" ]; then
    echo "local/data.sh: not prepared: ${failed}; see above, or choose other --superb_tasks" >&2
    exit 1
fi
