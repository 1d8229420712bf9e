"""Makes docs/answer.jpg, the picture of the README, from photographs in the scikit-image package.

They are free of rights: astronaut (NASA), chelsea (CC0, Stéfan van der Walt), coffee (CC0, Rachel
Michetti), rocket (public domain, SpaceX). Run after `pip install scikit-image`.
"""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

from gemvg.agent import GroundingAgent
from gemvg.agent.render.saving import save_answer
from gemvg.tools.images import picture_from_path

QUESTION = "Find the person, the cat and the cup."
NAMES = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")


def main() -> None:
    """Ask, draw, and shrink."""
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        raise SystemExit("pip install scikit-image first")
    folder = Path(spec.origin).parent / "data"
    pictures = [picture_from_path(folder / name) for name in NAMES]
    answer = GroundingAgent().ask(QUESTION, pictures)
    for box in answer.answer:
        print(NAMES[box.image - 1], box.label, box.box, box.score)
    with tempfile.TemporaryDirectory() as saved:
        save_answer(answer, pictures, Path(saved))
        sheet = Image.open(Path(saved) / "sheet.jpg")
        sheet.thumbnail((1000, 1000))
        sheet.save("docs/answer.jpg", quality=82)


if __name__ == "__main__":
    main()
