#!/usr/bin/env sh
# The folders are mapped to gemvg.* at install time, which a type checker can't follow from tests/;
# a git-ignored folder of links shows it the same layout.
set -eu
cd "$(dirname "$0")/.."
mkdir -p .types/gemvg
for part in tools policy agent training; do ln -sfn "../../$part" ".types/gemvg/$part"; done
