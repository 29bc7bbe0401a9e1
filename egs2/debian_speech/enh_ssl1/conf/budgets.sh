# shellcheck shell=bash
# To be sourced by run.sh: what --budget, --separator, --upstream and --downstream stand for.
# shellcheck disable=SC2034 # run.sh reads them
declare budget separator upstream downstream

case "${budget}" in
    demo) network=tcn losses=whisper_early names=SSL seeds=0 size="small --max_test_utts 36"
        tasks=quick ;;
    full) network=tcn_warm losses="whisper_early hubert both" names="Whisper HuBERT both"
        seeds="0 1 2" size=core tasks=demo ;;
    *) echo "run.sh: found --budget '${budget}'; expected demo or full" >&2 && exit 1 ;;
esac
network=${separator:-${network}} tasks=${downstream:-${tasks}}
[ -z "${upstream}" ] || losses=${upstream} names=SSL
case "${tasks}" in
    quick) probes="pr ks sid" more="" heads=demo ;;
    demo | full) probes="pr asr ks ic sid asv lid" more=" fbank=asv" heads=${tasks} ;;
    *) echo "run.sh: found --downstream '${tasks}'; expected quick, demo or full" >&2 && exit 1 ;;
esac
snr=conf/tuning/train_enh_${network}_snr
configs=${snr}.yaml labels=SE-SNR
for loss in fbank ${losses}; do configs+=" ${snr}_${loss}.yaml"; done
for name in log-mel ${names}; do labels+=" SE-SNR+${name}"; done
for config in ${configs}; do
    [ -r "${config}" ] || { echo "run.sh: found no ${config}; expected one for this --separator" \
        "and --upstream; there are: $(cd conf/tuning && echo *.yaml)" >&2 && exit 1; }
done
