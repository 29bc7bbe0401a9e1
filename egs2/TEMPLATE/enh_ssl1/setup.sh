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
        task=superb1 script=superb.sh
        cp "${root}/egs2/noisy_superb/superb1/local/noise.sh" "${dir}/local/noise.sh"
        ;;
    *) # trains
        task=enh_ssl1 script=enh_ssl.sh
        mkdir -p "${dir}/conf/tuning"
        ;;
esac
ln -sfn "${to_template%/*}/${task}/${script}" "${dir}/${script}"
install -m 755 "${root}/egs2/TEMPLATE/${task}/skeleton/run.sh.in" "${dir}/run.sh"
install -m 755 "${root}/egs2/TEMPLATE/${task}/skeleton/data.sh.in" "${dir}/local/data.sh"
echo "Made $1. Next: add the corpus to db.sh, fill in local/data.sh and run.sh (what trains"
echo "needs a YAML in conf/tuning/ too); add a row to egs2/README.md."
