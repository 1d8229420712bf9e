"""Pages as tensors: several questions behind one set of pictures, none of which sees another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .guides import HEADS, Look, copies, looks_of, peers
from .prompts import Prompts
from .questions import Page


@dataclass(slots=True)
class Batch:
    """B pages of P pictures with rows x columns cells (N tokens each), padded to L positions.

    Attributes:
        pixels: (B * P, height, width, 3) uint8.
        ids: (B, L). positions: (3, B, L), rotary. blocks: (B, L), 0 for what all questions share,
            1, 2, ... for the questions, -1 for padding.
        visual: (P * N,) places of visual tokens, the same in every row.
        asked: (T, 2) row and place from which a token is foretold. targets: (T,) that token.
        looks: by kind (see `guides`): (G, 2) rows and places, (G, L) bool where each should look.
        cells: (B * P, N) class of each cell, 0 for none, k + 1 for name k, -1 where it is not
            known.
        boxes: (B * P, N, 4) box of the object in each cell, shares; zero where there is none.
        pictures, rows, columns: P and the cells of a picture.
    """

    pixels: Any
    ids: Any
    positions: Any
    blocks: Any
    visual: Any
    asked: Any
    targets: Any
    looks: dict[str, tuple[Any, Any]]
    cells: Any
    boxes: Any
    pictures: int
    rows: int
    columns: int

    def to(self, device: Any) -> Batch:
        """The same on a device."""
        values = [getattr(self, f.name) for f in fields(self)]
        moved = Batch(*(v.to(device) if hasattr(v, "to") else v for v in values))
        moved.looks = {k: (a.to(device), b.to(device)) for k, (a, b) in self.looks.items()}
        return moved


def pack(pages: Sequence[Page], prompts: Prompts, *, answers: bool = True) -> Batch:
    """Pages of equally many pictures of one shape, with the same tools on offer, as a batch.

    Args:
        pages: what is asked.
        prompts: makes token ids.
        answers: False leaves the answers out: nothing is foretold, the model is to write.
    """
    import torch

    rows, columns = pages[0].scenes[0].cells.shape
    pictures = len(pages[0].scenes)
    head = prompts.head(pictures, rows * columns, pages[0].tools)
    base = head_positions(head, prompts.image, rows, columns)
    packed = [_sequence(page, prompts, head, base, answers) for page in pages]
    length = max(len(sequence[0]) for sequence in packed)
    ids = np.full((len(pages), length), prompts.pad, np.int64)
    positions = np.zeros((3, len(pages), length), np.int64)
    blocks = np.full((len(pages), length), -1, np.int64)
    asked: list[tuple[int, int]] = []
    targets: list[int] = []
    for row, (own, places, block, taught, _) in enumerate(packed):
        ids[row, : len(own)] = own
        positions[:, row, : len(own)] = places
        blocks[row, : len(own)] = block
        asked += [(row, at - 1) for at in taught]
        targets += [own[at] for at in taught]
    scenes = [scene for page in pages for scene in page.scenes]
    cells, boxes = _dense(scenes)
    tensor = torch.from_numpy
    return Batch(
        tensor(np.stack([s.pixels for s in scenes])), tensor(ids), tensor(positions),
        tensor(blocks), tensor(np.flatnonzero(np.array(head) == prompts.image)),
        torch.tensor(asked, dtype=torch.long).reshape(-1, 2),
        torch.tensor(targets, dtype=torch.long),
        _looks([sequence[4] for sequence in packed], length), tensor(cells), tensor(boxes),
        pictures, rows, columns,
    )  # fmt: skip


def _sequence(
    page: Page, prompts: Prompts, head: tuple[int, ...], base: NDArray[np.int64], answers: bool
) -> tuple[list[int], NDArray[np.int64], list[int], list[int], list[Look]]:
    """Ids, positions (3, length), blocks, the places of the tokens that are taught, the looks."""
    ids, blocks, taught = list(head), [0] * len(head), list[int]()
    looks: list[Look] = []
    places = [base]
    visual = np.flatnonzero(np.array(head) == prompts.image)
    begin = int(base.max()) + 1
    if answers:
        looks += peers(page, visual)
    for number, question in enumerate(page.questions, 1):
        own = list(prompts.tail(question.words, question.mode))
        tail, boxes = len(ids), list[int]()
        words = [prompts.words_at(own, r.words) for r in question.refers]
        for text, is_taught in question.continuation if answers else ():
            piece = prompts.words(text)
            if is_taught:
                taught += range(len(ids) + len(own), len(ids) + len(own) + len(piece))
                boxes = [len(ids) + len(own) + at for at in prompts.boxes_at(piece)]
            own += piece
        if question.script:
            begun = [at - tail for at in taught if at >= tail]
            looks += [
                Look(look.kind, tail + look.place, tail + look.keys)
                for look in copies(own, begun, *prompts.copied)
            ]
        elif answers:
            # The answer's boxes are the last that are written; a thought may name others before.
            boxes = boxes[len(boxes) - len(question.places) :]
            at = [None if word is None else tail + word for word in words]
            looks += looks_of(page, question, visual, at, boxes)
        ids += own
        blocks += [number] * len(own)
        places.append(np.tile(np.arange(begin, begin + len(own)), (3, 1)))
    return ids, np.concatenate(places, axis=1), blocks, taught, looks


def _looks(sequences: Sequence[Sequence[Look]], length: int) -> dict[str, tuple[Any, Any]]:
    """The looks of all rows by kind, as tensors; see `Batch.looks`."""
    import torch

    found: dict[str, tuple[Any, Any]] = {}
    for kind in HEADS:
        own = [(row, look) for row, s in enumerate(sequences) for look in s if look.kind == kind]
        keys = np.zeros((len(own), length), bool)
        for k, (_, look) in enumerate(own):
            keys[k, look.keys] = True
        places = torch.tensor([(row, look.place) for row, look in own], dtype=torch.long)
        found[kind] = (places.reshape(-1, 2), torch.from_numpy(keys))
    return found


def head_positions(head: Sequence[int], image: int, rows: int, columns: int) -> NDArray[np.int64]:
    """Rotary positions (3, length) of words and pictures, as Qwen3-VL counts them.

    A picture's tokens keep one time and count rows and columns from where it begins; what follows
    goes on after the longer side.
    """
    parts: list[NDArray[np.int64]] = []
    at = now = 0
    grid = np.indices((rows, columns)).reshape(2, -1)
    while at < len(head):
        if head[at] == image:
            still = np.full(rows * columns, now)
            parts.append(np.stack([still, grid[0] + now, grid[1] + now]))
            at, now = at + rows * columns, now + max(rows, columns)
        else:
            parts.append(np.full((3, 1), now))
            at, now = at + 1, now + 1
    return np.concatenate(parts, axis=1)


def _dense(scenes: Sequence[Any]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Class and box of every cell of every scene."""
    classes: list[NDArray[np.int64]] = []
    boxes: list[NDArray[np.float32]] = []
    for scene in scenes:
        cells = scene.cells.reshape(-1)
        names = np.array([-2, -1, *scene.names], np.int64)
        corners = np.concatenate([np.zeros((2, 4), np.float32), scene.boxes])
        classes.append(names[cells + 2] + 1)
        boxes.append(corners[cells + 2])
    return np.stack(classes), np.stack(boxes)
