# shellcheck shell=bash
# shellcheck source-path=SCRIPTDIR/..
# To be sourced by every template: what stages are made of. These files only define.
. utils/stages.sh
. steps/begin.sh
. steps/data.sh
. steps/train.sh
. steps/parallel.sh
. steps/enhance.sh
. steps/score.sh
. steps/asr.sh
. steps/downstream.sh
