#!/usr/bin/env bash
# Stage 1: data/{train,valid,test} of Libri2Mix, one speaker and noise, whose folder db.sh
# names. Audio stays where it is.
set -euo pipefail

train_part=train-100 # train-100 or train-360
allow_partial=false  # accept fewer mixtures than published

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

partial=()
! "${allow_partial}" || partial=(--allow_partial)
read -ra py <<< "${PYTHON:-python3}" # may be several words
"${py[@]}" -m espnet2_ext.bin.prepare_mix_single --corpus libri2mix \
    --corpus_dir "${LIBRI2MIX}" --librispeech_dir "${LIBRISPEECH}" \
    --train_part "${train_part}" "${partial[@]}"
