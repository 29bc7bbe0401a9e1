# shellcheck shell=bash
# Where corpora are on this machine; to be sourced. "downloads" is a folder inside the
# recipe directory, which local/data.sh fills; give a shared path to fill it only once.
# shellcheck disable=SC2034

DEBIAN_SPEECH=${DEBIAN_SPEECH:-downloads}
