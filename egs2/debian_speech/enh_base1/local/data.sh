#!/usr/bin/env bash
# Stage 1: fetch Debian packages (nothing is installed, no root needed) and write clean
# speech under CC-BY and BSD-like licences, computed noise and rooms to data/{,noise_}{train,valid}.
# Finished downloads and finished sets are kept when it is run again.
set -euo pipefail

max_train_utts=0  # at most so many training utterances (0 = all)
max_valid_utts=0  # at most so many in valid (0 = all)
nj=2              # parallel processes

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
if [ -z "${DEBIAN_SPEECH:-}" ]; then
    echo "local/data.sh: DEBIAN_SPEECH is empty; give it a folder in db.sh" >&2
    exit 2
fi

read -ra py <<< "${PYTHON:-python3}" # may be several words
PYTHONPATH="${MAIN_ROOT}/egs2/debian_speech:${PYTHONPATH}" "${py[@]}" -m corpus.prepare base \
    --downloads "${DEBIAN_SPEECH}" --data_dir data \
    --max_train_utts "${max_train_utts}" --max_valid_utts "${max_valid_utts}" --nj "${nj}"
