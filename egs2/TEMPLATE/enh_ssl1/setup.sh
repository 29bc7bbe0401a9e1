#!/usr/bin/env bash
# Make a new recipe directory: links to the template, copies of what you edit, and
# commented skeletons of run.sh and local/data.sh that stop until they are filled in.
#   egs2/TEMPLATE/enh_ssl1/setup.sh egs2/<corpus>/enh_ssl1   trains enhancement
#   egs2/TEMPLATE/enh_ssl1/setup.sh egs2/<corpus>/superb1    judges it by SUPERB tasks
set -euo pipefail

template=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=$(cd "${template}/../../.." && pwd -P)

die() {
    printf 'setup.sh: %s\n' "$*" >&2
    exit 1
}

[ $# -eq 1 ] || die "found $# words; expected one: egs2/<corpus>/enh_ssl1"
[[ $1 != -* ]] || { sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}"; exit 0; }
[ ! -e "$1/run.sh" ] \
    || die "found $1/run.sh; expected a new directory; choose another name or remove it"

mkdir -p "$1/local" "$1/conf"
dir=$(cd "$1" && pwd -P)
to_template=$(realpath --relative-to="${dir}" "${template}")
to_root_conf=$(realpath --relative-to="${dir}/conf" "${root}/conf")
for name in path.sh db.sh utils steps; do ln -sfn "${to_template}/${name}" "${dir}/${name}"; done
for name in ssl superb; do ln -sfn "${to_root_conf}/${name}" "${dir}/conf/${name}"; done
cp "${template}/cmd.sh" "${dir}/cmd.sh"
cp "${root}"/conf/{slurm,queue,pbs}.conf "${dir}/conf/"
printf '%s\n' > "${dir}/local/path.sh" \
    "# Sourced by path.sh, also inside cluster jobs: caches, modules, proxies. For example" \
    "# export HF_HOME=/data/cache/huggingface"

case "$(basename "$1")" in
    superb*) # judges systems that were trained elsewhere
        script=superb.sh made=data/superb/
        ln -sfn "${to_template%/*}/superb1/${script}" "${dir}/${script}"
        cp "${root}/egs2/noisy_superb/superb1/local/noise.sh" "${dir}/local/noise.sh"
        fill_in="\
# Fill in: tasks (local/data.sh writes their manifests), noise corpora of db.sh, and the
# trained systems to be compared (experiment directories, separated by spaces)."
        options=(--superb_tasks '""' --noise_corpora '""' --enh_exps '""')
        data="\
# Called as local/data.sh --superb_tasks \"TASK ...\" --superb_dir data/superb: write
# clean speech as <superb_dir>/<task>/{train,valid,test}.csv (asv: no valid.csv) with
#   asr pr          id,wav_path,transcription    (pr: phones separated by blanks)
#   ks sid er lid   id,wav_path,label[,start_sec,end_sec]
#   ic              id,wav_path,labels           (\"a ; b ; c\")
#   sf              id,wav_path,transcription,iob
#   asv             id,wav_path,spk; test.csv: id1,id2,wav_path1,wav_path2,label (1: same)
#   sd              record_id,duration,wav_path,utt_id,speaker,start_sec,end_sec
# All audio at 16 kHz. python -m espnet2_ext.bin.superb check says what is wrong."
        ;;
    *) # trains
        script=enh_ssl.sh made="data/<set>/"
        ln -sfn "${to_template}/${script}" "${dir}/${script}"
        mkdir -p "${dir}/conf/tuning"
        fill_in="\
# Fill in: the names of your sets in data/ (local/data.sh makes them) and your YAML.
# Several YAMLs, separated by spaces, are trained and compared; --enh_label names them."
        options=(--train_set train --valid_set valid --test_sets '"test"'
            --enh_config conf/tuning/train.yaml --inference_model valid.loss.best.pth
            --ssl_conf '""' --recognisers '""')
        data="\
# Make data/<set>/ for the training, validation and test sets:
#   wav.scp     utterance id, noisy mixture (wav or flac)
#   spk1.scp    utterance id, clean reference of equal length
#   noise1.scp  utterance id, noise alone (only for --use_noise_ref true)
#   utt2spk     utterance id, speaker        spk2utt  the inverse
#   text        utterance id, words (only where a recogniser is to score)
#   utt2snr, utt2noise, utt2lang  what the report groups by (optional)
# All sorted bytewise by utterance id (path.sh sets LC_ALL=C), same ids in every file."
        ;;
esac

cat > "${dir}/run.sh" <<END
#!/usr/bin/env bash
# Options given on the command line override those below; --help lists all of them.
set -euo pipefail
cd "\$(dirname "\${BASH_SOURCE[0]}")"

${fill_in}
exec ./${script} \\
$(printf '    %s %s \\\n' "${options[@]}")
    "\$@"
END
cat > "${dir}/local/data.sh" <<END
#!/usr/bin/env bash
${data}
set -euo pipefail
. ./path.sh
. ./db.sh

echo "local/data.sh: nothing is prepared yet; expected code that makes ${made};" \\
    "fill in \${PWD}/local/data.sh" >&2
exit 1
END
chmod +x "${dir}/run.sh" "${dir}/local/data.sh"
echo "Made $1. Next: add the corpus to db.sh, fill in local/data.sh and run.sh (what trains"
echo "needs a YAML in conf/tuning/ too); add a row to egs2/README.md."
