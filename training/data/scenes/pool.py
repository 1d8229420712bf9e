"""Composed scenes as a pool: a picture is made for what is asked of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from random import Random

from ..masks import Mask
from ..shots import Pixels, Shot
from .arrange import arrange
from .backgrounds import Backgrounds
from .plan import Plan, jitter, render
from .sprites import Sprite, SpriteLibrary
from .vocabulary import vocabulary


class ScenePool:
    """Scenes from sprites over backgrounds.

    Args:
        name: for a sample's `source`.
        sprites: where objects come from.
        backgrounds: what they are pasted on.
        sides: least and greatest side of a picture, pixels.
        most: most objects in one scene.
        labels: labels that may be asked for; all that the library has where None.
        size: (width, height) that `compose` gives a picture; at random within `sides` where None.
    """

    def __init__(
        self,
        name: str,
        sprites: SpriteLibrary,
        backgrounds: Backgrounds,
        sides: tuple[int, int] = (208, 352),
        most: int = 9,
        labels: Sequence[str] | None = None,
        size: tuple[int, int] | None = None,
    ) -> None:
        self.name = name
        self.sprites = sprites
        self.backgrounds = backgrounds
        self.labels = tuple(labels if labels is not None else sprites.labels)
        self._sides = sides
        self._size = size
        self._most = most
        self._words = vocabulary()

    @property
    def made(self) -> bool:
        """See `Pool.made`."""
        return True

    def label(self, rng: Random) -> str:
        """See `Pool.label`."""
        return self.labels[rng.randrange(len(self.labels))]

    def kin(self, label: str) -> tuple[str, ...]:
        """See `Pool.kin`."""
        from ..relations import relations

        known = set(self.labels)
        found = (*self._words.kin(label), *relations().kin(label))
        return tuple(k for k in dict.fromkeys(found) if k in known and not self.clash(k, label))

    def clash(self, a: str, b: str) -> bool:
        """See `Pool.clash`."""
        return self._words.clash(a, b)

    def draw(
        self,
        rng: Random,
        have: Mapping[str, int | None],
        lack: Collection[str] = (),
        avoid: Collection[str] = (),
    ) -> Shot | None:
        """See `Pool.draw`; other objects are added that clash with none of the labels named."""
        chosen: list[Sprite] = []
        for label, number in have.items():
            count = number if number is not None else _few(rng)
            for _ in range(count):
                sprite = self.sprites.sprite(label, rng)
                if sprite is None:
                    return None
                chosen.append(sprite)
        return self.compose(rng, chosen, lack)

    def compose(
        self,
        rng: Random,
        sprites: Sequence[Sprite],
        lack: Collection[str] = (),
        fillers: int | None = None,
    ) -> Shot | None:
        """A scene with exactly these objects among those labels, and some fillers of other labels.

        `lack` names labels that must not occur; fillers do not clash with them either. Their number
        is at random where it is None. None where it does not fit.
        """
        named = {s.label for s in sprites} | set(lack)
        most = self._most - len(sprites)
        number = rng.randint(0, 3) if fillers is None else fillers
        others = self.fillers(rng, min(number, max(0, most)), named)
        every = [*sprites, *others]
        if not every:
            return None
        rng.shuffle(every)
        for _ in range(3):
            width, height = self._size or (rng.randint(*self._sides), rng.randint(*self._sides))
            crowd = 0.25 if rng.random() < 0.35 else 0.02
            layers = arrange(rng, every, width, height, crowd)
            if layers is None:
                continue
            avoid = named | {s.label for s in others}
            back = self.backgrounds.draw(rng, width, height, avoid)
            licence = " AND ".join(sorted({s.licence for s in every} | {back.licence}))
            plan = Plan(
                back.pixels, layers, back.labels, jitter(rng, 0.7, 1.4, 0.3, 1.0),
                jitter(rng, 0.4, 1.0, 0.2, 0.0), self.name, licence,
            )  # fmt: skip
            shot = render(plan, f"scene-{rng.getrandbits(48):012x}")
            if shot is not None:
                return shot
        return None

    def fillers(self, rng: Random, number: int, named: Collection[str]) -> list[Sprite]:
        """Objects whose labels clash with none of those named, nor with each other."""
        chosen: list[Sprite] = []
        taken = set(named)
        near = [k for label in sorted(named) for k in self.kin(label)]
        for _ in range(number * 6):
            if len(chosen) >= number:
                break
            # Half of the fillers are alike to what is asked for: those are hard to tell apart.
            alike = near and rng.random() < 0.5
            label = near[rng.randrange(len(near))] if alike else self.label(rng)
            if any(self.clash(label, other) for other in taken):
                continue
            sprite = self.sprites.sprite(label, rng)
            if sprite is not None:
                chosen.append(sprite)
                taken.add(label)
        return chosen

    def pixels(self, shot: Shot) -> Pixels:
        """See `Pool.pixels`."""
        if shot.pixels is None:
            raise ValueError("a composed scene without pixels")
        return shot.pixels

    def mask(self, shot: Shot, index: int) -> Mask | None:
        """See `Pool.mask`."""
        return None if shot.labels is None else shot.labels == index + 1


def _few(rng: Random) -> int:
    """One, at times two or three."""
    return rng.choices((1, 2, 3), (6, 3, 1))[0]
