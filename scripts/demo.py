"""Two questions about real photographs that come inside an installed package (ultralytics).

Prints the answers and writes annotated pictures to demo/. `make demo` runs it.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

OUT = Path("demo")
QUESTIONS = [
    ("everyone", "Find every person in both pictures.", ["bus.jpg", "zidane.jpg"]),
    (
        "close-up",
        "The last image is a close-up of part of one of the others. Which one, and where?",
        ["bus.jpg", "zidane.jpg", "close-up.jpg"],
    ),
]


def main() -> int:
    """Ask both questions with the command that a user would type."""
    spec = find_spec("ultralytics")
    if spec is None or spec.origin is None:
        print("The demo needs the extra `local`: make demo installs it.", file=sys.stderr)
        return 1
    # The package is located, not imported: only its two photographs are wanted.
    assets = Path(spec.origin).parent / "assets"
    OUT.mkdir(exist_ok=True)
    for name in ("bus.jpg", "zidane.jpg"):
        (OUT / name).write_bytes((assets / name).read_bytes())
    with Image.open(OUT / "bus.jpg") as bus:
        bus.crop((20, 220, 420, 520)).resize((640, 480)).save(OUT / "close-up.jpg", quality=85)
    for folder, question, names in QUESTIONS:
        pictures = [str(OUT / name) for name in names]
        save = OUT / folder
        command = ["ask", question, *pictures, "--save", str(save)]
        print(f'\n$ gemvg-agent ask "{question}" {" ".join(pictures)} --save {save}', flush=True)
        done = subprocess.run([sys.executable, "-m", "gemvg.agent.cli.main", *command])  # noqa: S603
        if done.returncode:
            return done.returncode
    print(f"\nAnnotated pictures: {OUT}/*/sheet.jpg")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
