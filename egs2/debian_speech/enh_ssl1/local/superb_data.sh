#!/usr/bin/env bash
# Downstream tasks of the embedded corpus: data/superb/<task>/{train,valid,test}.csv of
# clean speech, data/test_superb (noisy twin of all test audio, an enhancement data
# directory) and data/test_ru (Russian sentences with text, for an ESPnet ASR).
# What is finished is kept when it is run again. DOWNSTREAM.md says what the tasks are.
set -euo pipefail

log() {
    local fname=${BASH_SOURCE[1]##*/}
    printf '%s (%s:%s:%s) %s\n' "$(date '+%Y-%m-%dT%H:%M:%S')" \
        "${fname}" "${BASH_LINENO[0]}" "${FUNCNAME[1]}" "$*"
}

superb_size=demo   # quick (pr ks sid) | demo (a part: probes train in minutes) | full (everything)
superb_snrs=       # dB, of the noisy tests, one for each utterance; empty: 0 5 (quick) or 0 5 10
seed=0             # of the noise; the same seed gives the same bytes
nj=2               # parallel processes

# shellcheck disable=SC2034 # parse_options.sh prints it
help_message=$(sed -n '2,5s/^# //p; /^[a-z_]*=[^$]*  *# /{s/=/ /; s/^/--/p}' "$0")

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

[ "${superb_size}" = quick ] || snrs="0 5 10"
superb_snrs=${superb_snrs:-${snrs:-0 5}}
read -ra py <<< "${PYTHON:-python3}" # may be several words
log "downstream tasks '${superb_size}', packages in ${DEBIAN_SPEECH}, in data/superb"
PYTHONPATH="${MAIN_ROOT}/egs2/debian_speech:${PYTHONPATH}" "${py[@]}" -m corpus.prepare downstream \
    --superb_size "${superb_size}" --downloads "${DEBIAN_SPEECH}" \
    --superb_dir data/superb --nj "${nj}"

noisy=("${py[@]}" -m espnet2_ext.bin.make_noisy_set
    --noise_scp data/superb/noise/wav.scp --utt2type data/superb/noise/utt2type
    --utt2spk data/superb/utt2spk --snr "${superb_snrs}" --seed "${seed}" --nj "${nj}")
log "noisy test audio at ${superb_snrs} dB"
"${noisy[@]}" --csv data/superb/*/test.csv --out_dir data/test_superb
sets=(data/test_superb)
if [ -e data/superb/asr/test.csv ]; then
    "${noisy[@]}" --csv data/superb/asr/test.csv --text_column transcription \
        --out_dir data/test_ru
    sets+=(data/test_ru)
fi

log "checking the sets (test_superb has no text, and needs none)"
"${py[@]}" -m espnet2_ext.bin.check_data --fs 16000 --nj "${nj}" \
    "${sets[@]}"
log "done"
