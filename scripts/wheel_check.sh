#!/usr/bin/env bash
# What a stranger gets: build the wheel, install it into an environment of its own with the core
# dependencies alone, show the help, and ask one question through the planner and the match tool.
set -euo pipefail
# The work happens in a folder of its own, so a relative path to the interpreter must not stay one;
# its folder is resolved and not the link itself, which would leave the environment.
python=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$(cd "$(dirname "$0")/.." && pwd)
"$python" -m build --wheel --outdir "$work/dist" "$root" >"$work/build.log" 2>&1 || { tail -30 "$work/build.log"; exit 1; }
rm -rf "$root/build"
"$python" -m venv "$work/env"
sh "$root/scripts/pip.sh" "$work/env/bin/python" install -q -c "$root/constraints.txt" "$work"/dist/*.whl
cd "$work"
"$work/env/bin/gemvg-agent" --help >/dev/null
"$work/env/bin/python" - "$root" <<'PY'
import importlib.util
import sys

for name in ("tools", "agent", "policy", "training", "tests"):
    spec = importlib.util.find_spec(name)
    assert spec is None or not str(spec.origin or "").startswith(sys.prefix), f"{name} leaked"
import gemvg.agent

assert "torch" not in sys.modules
from PIL import Image, ImageDraw

picture = Image.effect_noise((320, 240), 60).convert("RGB")
ImageDraw.Draw(picture).ellipse((60, 40, 180, 160), fill=(200, 30, 30))
picture.save("scene.png")
picture.crop((50, 30, 190, 170)).save("part.png")
PY
# Without the extra `local` there is no OpenCV: the question must end in one line that says the cure.
if "$work/env/bin/gemvg-agent" ask "The last image is a close-up of part of image 1. Where?" \
    scene.png part.png --json >answer.json 2>err.txt; then :; fi
"$work/env/bin/python" - <<'PY'
import json

answer = json.load(open("answer.json"))
assert answer["status"] in ("failed", "ok"), answer
if answer["status"] == "failed":
    assert "pip install" in answer["error"]["message"], answer
PY
sh "$root/scripts/pip.sh" "$python" install -q --no-deps --target "$work/full" "$work"/dist/*.whl
PYTHONPATH="$work/full" "$python" -c "import gemvg.agent, sys; sys.exit('$work' not in gemvg.agent.__file__)"
PYTHONPATH="$work/full" "$python" -m gemvg.agent.cli.main ask \
  "The last image is a close-up of part of image 1. Where?" scene.png part.png --json >answer.json
"$python" - <<'PY'
import json

answer = json.load(open("answer.json"))
assert answer["status"] == "ok" and answer["answer"][0]["image"] == 1, answer
x1, y1, x2, y2 = answer["answer"][0]["box"]
assert abs(x1 - 50) < 8 and abs(y2 - 170) < 8, answer
PY
echo "wheel: built, installed, asked"
