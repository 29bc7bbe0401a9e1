#!/usr/bin/env bash
# Which SSL loss? Trains each setting of conf/ablation.yaml, scores it on the validation set,
# writes a table.
# To be run after run.sh (or with --stage 1, for the data). Broken off, or with a new
# setting in the file, it does what is not done yet. All other options go to enh_ssl.sh:
# --ngpu, --nj, --train_jobs 2 ...; where jobs run is a matter of cmd.sh, as everywhere.

# shellcheck source-path=SCRIPTDIR/..
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ablation=conf/ablation.yaml # the settings
only=                       # groups or labels of them, e.g. "alpha pad5"; empty: all
seeds=0                     # each setting is trained with each, e.g. "0 1 2"
budget=demo                 # of run.sh: how much data
expdir=exp/ablation         # an experiment of each setting and seed, RESULTS.md
dumpdir=dump                # formatted data
dry_run=false               # print the commands of the stages, train nothing
## end of options

. utils/stages.sh
pass_on=true
. utils/parse_options.sh
for name in "$@"; do
    case "${name//-/_}" in
        __help) exit 0 ;;
        __test_sets | __valid_set | __enh_config | __enh_label | __enh_tag | __enh_exp | __ssl_conf)
            die "found ${name}; expected none: the settings say what is trained," \
                "and are chosen by the validation set alone"
            ;;
    esac
done
. ./path.sh
read -ra py <<< "${PYTHON:-python3}" # may be several words
watch_signals
[ -n "${seeds}" ] || die "found no --seeds; expected one at least, e.g. 0"

log "checking the settings of ${ablation}"
"${py[@]}" -m espnet2_ext.bin.ablation expand --ablation "${ablation}" --only "${only}" \
    --expdir "${expdir}"
mapfile -t systems < "${expdir}/options"
systems+=(--test_sets valid --seeds "${seeds}" --expdir "${expdir}" --dumpdir "${dumpdir}"
    --dry_run "${dry_run}")
# The last model, not the best by its own loss: the sum has no best where alpha moves.
dry_run=false run ./run.sh --budget "${budget}" --stage 5 --stop_stage 8 \
    --init_config "" --inference_model latest.pth --recognisers "" --observation_adding "" \
    --scoring_metrics "SI_SNR PESQ_WB ESTOI P808 LPS SPK_SIM" \
    "$@" "${systems[@]}"
"${dry_run}" || "${py[@]}" -m espnet2_ext.bin.ablation table --ablation "${ablation}" \
    --expdir "${expdir}" --seeds "${seeds}" --dumpdir "${dumpdir}/raw" --test_set valid
