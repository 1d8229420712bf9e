#!/usr/bin/env bash
# Writes constraints.txt from what is installed in .venv. Run it after changing a dependency and
# after the tests have passed with the new versions.
set -eu
cd "$(dirname "$0")/.."
{
  echo "# Exact versions that were installed and tested together (Python 3.11 and 3.12, Linux x86-64)."
  echo "# Made by scripts/lock.sh; used by every install of the Makefile."
  .venv/bin/pip freeze --exclude-editable | grep -v -i '^gemvg' | grep -v ' @ '
} > constraints.new
mv constraints.new constraints.txt
