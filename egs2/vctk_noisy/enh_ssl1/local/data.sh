#!/usr/bin/env bash
# Stage 1: data/{train,valid,test} of VoiceBank-DEMAND, whose folder db.sh names. Audio
# stays where it is, at 48 kHz; stage 3 writes it at 16 kHz.
set -euo pipefail

speakers=28                # of the training set: 28 or 56
valid_speakers="p226 p287" # cut from it for validation
allow_partial=false        # accept fewer files than published
download=false             # get what is missing from Edinburgh DataShare (CC BY 4.0)

# shellcheck disable=SC2034 # parse_options.sh prints it
help_message=$(sed -n '2,3s/^# //p; /^[a-z_]*=[^$]*  # /{s/=/ /; s/^/--/p}' "$0")

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
if "${download}"; then
    VOICEBANK_DEMAND=${VOICEBANK_DEMAND:-downloads}
    names=""
    for part in "trainset_${speakers}spk" testset; do
        for name in "clean_${part}_wav" "noisy_${part}_wav" "${part}_txt"; do
            names+=" voicebank_demand:${name}"
        done
    done
    "${py[@]}" -m espnet2_ext.bin.corpora --to "${VOICEBANK_DEMAND}" \
        --download "${names} voicebank_demand:logfiles"
fi
partial=()
! "${allow_partial}" || partial=(--allow_partial)
"${py[@]}" -m espnet2_ext.bin.prepare_voicebank_demand --corpus_dir "${VOICEBANK_DEMAND}" \
    --speakers "${speakers}" --valid_speakers "${valid_speakers}" "${partial[@]}"
