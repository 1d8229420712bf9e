#!/usr/bin/env sh
# Runs pip without a word where it succeeds, and with all that it said where it fails: what pip warns
# of on the way (its own settings, mirrors, a build's notes) is of no use to someone who sees it work.
#
# usage: scripts/pip.sh PYTHON ARGUMENT...
set -eu
python=$1
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT TERM
if ! "$python" -m pip "$@" >"$log" 2>&1; then
  cat "$log" >&2
  echo "pip $* failed; all that it said is above." >&2
  exit 1
fi
