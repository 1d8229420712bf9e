#!/usr/bin/env sh
# opencv-python needs the system's libGL, which a server often lacks; the headless build of the same
# version is the same module without windows, so it is put in its place where the import fails.
set -eu
python=$1
if ! "$python" -c 'import cv2' 2>/dev/null; then
  version=$("$python" -c 'from importlib.metadata import version; print(version("opencv-python"))')
  sh "$(dirname "$0")/pip.sh" "$python" install -q --no-deps --force-reinstall "opencv-python-headless==$version"
  "$python" -c 'import cv2'
fi
