"""Tool conversations about composed scenes: what classical matching finds better than small eyes.

Where a close-up was cut from, and what changed between two pictures, is told exactly by `match` and
`compare`; a tower of 49 cells a picture can only guess it. So nano is taught to call them about
scenes, too; about everything else in scenes it is taught to use its own eyes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from PIL import Image

from ...tools.boxes import Box, GroundedBox
from ...tools.images import picture_from_image
from ..data.builders.base import Desk
from ..data.builders.registry import BUILDERS
from ..data.scenes.backgrounds import Backgrounds
from ..data.scenes.pool import ScenePool
from ..data.scenes.sprites import SmallSprites, SpriteLibrary
from .engine import MOST_BOXES, MOST_OBJECTS
from .recording import FINDERS, Conversation, Recorder

COMPOSED = "scene-"
"""Begins the task of a conversation about composed scenes."""

SIDE = 112
"""Of a scene, pixels."""

PICTURES = (2, 3)


def record_scenes(
    recorder: Recorder, library: SpriteLibrary, number: int, seed: int
) -> Iterator[Conversation]:
    """Conversations about composed scenes whose answer a tool finds.

    Args:
        recorder: asks the planner.
        library: object pictures.
        number: of questions asked of each task.
        seed: of everything.
    """
    sprites = SmallSprites(library, SIDE // 2)
    pool = ScenePool("nano", sprites, Backgrounds(), most=MOST_OBJECTS, size=(SIDE, SIDE))
    for task in FINDERS:
        rng, asked = Random(f"{seed}:{COMPOSED}{task}"), 0
        while asked < number:
            count = rng.choice(PICTURES)
            draft = BUILDERS[task].build(rng, Desk(pool, None, {"images": [count, count]}))
            if draft is None or not 0 < len(draft.answer) <= MOST_BOXES:
                continue
            asked += 1
            pictures = [
                picture_from_image(Image.fromarray(shot.pixels), "scene")
                for shot in draft.shots
                if shot.pixels is not None
            ]
            truth = [GroundedBox(b.image, Box(*b.box)) for b in draft.answer]
            found = recorder.ask_about(task, draft.question, pictures, truth)
            if found is not None:
                yield replace(found[1], task=COMPOSED + task)
