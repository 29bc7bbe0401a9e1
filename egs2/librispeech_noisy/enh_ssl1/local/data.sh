#!/usr/bin/env bash
# Stage 1: data/{train,noise_train,valid,test_seen,test_unseen} of LibriSpeech and of noise
# corpora, whose folders db.sh names. What is complete and the same stays.
set -euo pipefail

train_parts=train-clean-100 # of LibriSpeech, separated by commas
train_noise=wham,musan      # any of: dns wham musan demand
test_noise=                 # others of these, for test_unseen
rooms=false                 # list the rooms of RIRS_NOISES for training
max_valid_utts=600          # of dev-clean (0 = all)
max_test_utts=0             # of test-clean (0 = all)
test_snrs=0,5,10,15         # dB; each test utterance gets one of them
allow_partial=false         # accept fewer files of LibriSpeech than published
download=false              # get LibriSpeech, MUSAN, DEMAND and RIRS_NOISES (free licences)
seed=0                      # of every random choice
nj=4                        # parallel processes

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

download() { # VARIABLE FOLDER NAME...: unless db.sh names a folder
    local -n folder=$1
    [ -z "${folder}" ] || return 0
    "${py[@]}" -m espnet2_ext.bin.corpora --to downloads --download "${*:3}"
    folder=downloads/$2
}

if "${download}"; then
    parts=",${train_parts},dev-clean,test-clean"
    download LIBRISPEECH LibriSpeech "${parts//,/ librispeech:}"
    [[ ,${train_noise},${test_noise}, != *,musan,* ]] || download MUSAN musan musan
    [[ ,${train_noise},${test_noise}, != *,demand,* ]] || download DEMAND . demand
    ! "${rooms}" || download RIRS_NOISES RIRS_NOISES rirs_noises
fi

declare -A folders=([dns]=${DNS} [wham]=${WHAM} [musan]=${MUSAN} [demand]=${DEMAND})
words=(--corpus_dir "${LIBRISPEECH}" --train_parts "${train_parts//,/ }")
for name in ${train_noise//,/ }; do
    words+=(--train_noise "${name}=${folders[${name}]:-}")
done
for name in ${test_noise//,/ }; do words+=(--test_noise "${name}=${folders[${name}]:-}"); done
! "${rooms}" || words+=(--rirs_dir "${RIRS_NOISES:-RIRS_NOISES of db.sh, which is empty}")
! "${allow_partial}" || words+=(--allow_partial)
"${py[@]}" -m espnet2_ext.bin.prepare_librispeech_noisy "${words[@]}" \
    --max_valid_utts "${max_valid_utts}" --max_test_utts "${max_test_utts}" \
    --test_snrs "${test_snrs//,/ }" --seed "${seed}" --nj "${nj}"
