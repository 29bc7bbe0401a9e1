#!/usr/bin/env bash
# Stage 2, first half: list the noise recordings of the corpora that db.sh names, as
# <noise_dir>/{noise.scp,utt2type}.
set -euo pipefail

noise_corpora=          # any of: dns wham musan demand
noise_dir=data/noise    # where the lists are written

# shellcheck disable=SC2034 # parse_options.sh prints it
help_message=$(sed -n '2,3s/^# //p; /^[a-z_]*=[^$]*  # /{s/=/ /; s/^/--/p}' "$0")

# shellcheck disable=SC1091
. ./path.sh
# shellcheck disable=SC1091
. ./db.sh
# shellcheck disable=SC1091
. utils/parse_options.sh

if [ $# -ne 0 ]; then
    echo "local/noise.sh: found '$*'; expected only options (--help lists them)" >&2
    exit 2
fi

declare -A folder=([dns]=${DNS} [wham]=${WHAM} [musan]=${MUSAN} [demand]=${DEMAND})
words=()
for name in ${noise_corpora}; do
    words+=(--corpus "${name}=${folder[${name}]:-}")
done
read -ra py <<< "${PYTHON:-python3}" # may be several words
"${py[@]}" -m espnet2_ext.bin.prepare_noise "${words[@]}" --out_dir "${noise_dir}"
