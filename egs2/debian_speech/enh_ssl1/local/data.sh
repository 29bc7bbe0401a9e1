#!/usr/bin/env bash
# Stage 1 of the embedded corpus: fetch Debian packages (nothing is installed, no root
# needed), mix their speech and noise, write data/{train,valid,test_en,test_spk2,test_out},
# and check them. Finished downloads and finished sets are kept when it is run again.
set -euo pipefail

log() {
    local fname=${BASH_SOURCE[1]##*/}
    printf '%s (%s:%s:%s) %s\n' "$(date '+%Y-%m-%dT%H:%M:%S')" \
        "${fname}" "${BASH_LINENO[0]}" "${FUNCNAME[1]}" "$*"
}

corpus_size=small  # tiny (76 MB to download) | small (171) | core (510) | extended (670)
max_train_utts=0   # at most so many training utterances, before copies (0 = all)
max_test_utts=0    # at most so many in valid and in each test set (0 = all)
train_copies=1     # each training utterance is mixed so many times, with other noise
rir_prob=0.0       # share of utterances put in a simulated room, in every set
seed=0             # of every random choice; the same seed gives the same bytes
nj=2               # parallel processes

# shellcheck disable=SC2034 # parse_options.sh prints it
help_message=$(sed -n '2,4s/^# //p; /^[a-z_]*=[^$]*  # /{s/=/ /; s/^/--/p}' "$0")

# shellcheck disable=SC1091
. ./path.sh
# shellcheck disable=SC1091
. ./db.sh
# shellcheck disable=SC1091
. utils/parse_options.sh

if [ $# -ne 0 ]; then
    log "found '$*'; expected only options (--help lists them)"
    exit 2
fi
if [ -z "${DEBIAN_SPEECH:-}" ]; then
    log "DEBIAN_SPEECH is empty; give it a folder in db.sh"
    exit 2
fi

read -ra py <<< "${PYTHON:-python3}" # may be several words
log "corpus '${corpus_size}', packages in ${DEBIAN_SPEECH}, sets in data/"
PYTHONPATH="${MAIN_ROOT}/egs2/debian_speech:${PYTHONPATH}" "${py[@]}" -m corpus.prepare enh \
    --corpus_size "${corpus_size}" --downloads "${DEBIAN_SPEECH}" --data_dir data \
    --max_train_utts "${max_train_utts}" --max_test_utts "${max_test_utts}" \
    --train_copies "${train_copies}" --rir_prob "${rir_prob}" --seed "${seed}" \
    --nj "${nj}"

log "checking the sets"
"${py[@]}" -m espnet2_ext.bin.check_data --fs 16000 --nj "${nj}" \
    data/train data/valid data/test_en data/test_spk2 data/test_out
log "done"
