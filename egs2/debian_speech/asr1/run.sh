#!/usr/bin/env bash
# A Russian recogniser trained on clean speech out of Debian packages.
#   run.sh                     log-mel frontend, characters: minutes of training
#   run.sh --frontend whisper  on the frozen encoder of Whisper tiny.en (s3prl frontend)
#   run.sh --token_type bpe    sentencepiece units
#   run.sh --budget full       CTC and attention, longer training
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

budget=demo    # demo or full
frontend=fbank # fbank or whisper
## end of options
pass_on=true # the options of asr.sh, which override those below
. utils/parse_options.sh

case "${frontend}" in
    fbank) normalize=global_mvn ;;
    whisper) normalize=utterance_mvn ;;
    *) echo "run.sh: found --frontend '${frontend}'; expected fbank or whisper" >&2 && exit 1 ;;
esac
case "${budget}" in
    demo) config=${frontend}_conformer_ctc decode=ctc model=valid.cer_ctc.ave.pth ;;
    full) config=${frontend}_conformer decode=attention model=valid.acc.ave.pth ;;
    *) echo "run.sh: found --budget '${budget}'; expected demo or full" >&2 && exit 1 ;;
esac
ngpu=$(nvidia-smi -L 2> /dev/null | grep -c '^GPU' || true)

exec ./asr.sh \
    --lang ru --train_set train --valid_set valid --test_sets "test test_noisy" \
    --audio_format wav --token_type char --nbpe 200 \
    --asr_config "conf/tuning/train_asr_${config}.yaml" --feats_normalize "${normalize}" \
    --inference_config "conf/decode_asr_${decode}.yaml" --inference_asr_model "${model}" \
    --ngpu "$((ngpu > 0))" "$@"
