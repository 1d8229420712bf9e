"""Heads that exist in training only: what each visual token shows, and the box of that object.

Without them the towers learn nothing from a few ten thousand pictures: an answer's four tokens say
too little about where to look. They are dropped when a model is exported.
"""

from __future__ import annotations

from typing import Any, NamedTuple

BACKGROUND_WEIGHT = 0.3
"""Most cells show nothing; they weigh less so that names are learnt first."""


class DenseLoss(NamedTuple):
    """Loss (a scalar tensor) and, over cells that show an object, class accuracy and mean IoU."""

    loss: Any
    accuracy: float
    iou: float


def make_heads(width: int, names: int, seed: int) -> Any:
    """The heads, all on normed tokens.

    `class`: width to names + 1, 0 for nothing. `box`: width to 4 distances. `corner`: width to
    4 x width, what the language model is to say of the four corners.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        heads = torch.nn.ModuleDict(
            {
                "norm": torch.nn.LayerNorm(width),
                "class": torch.nn.Linear(width, names + 1),
                "box": torch.nn.Linear(width, 4),
                "corner": torch.nn.Linear(width, 4 * width),
            }
        )
    return heads


def dense_loss(
    heads: Any, tokens: Any, batch: Any, words: Any = None, labels: Any = None
) -> DenseLoss:
    """Cross entropy of the cells' classes, and L1 + (1 - GIoU) of the boxes where there is one.

    With `words` also the cross entropy of the corners' coordinate tokens, as the language model
    would say them. The box head is told where its cell is, so a tower that serves it alone forgets
    that; the language model is not told, and could not read a box from such a tower's tokens.

    Args:
        heads: from `make_heads`.
        tokens: (B * P, N, width) visual tokens as the language model gets them.
        batch: see `packing.Batch`.
        words: embeddings of the coordinate tokens (steps, width), or None.
        labels: soft labels of coordinates, see `answers.CoordinateLabels`; given with `words`.
    """
    import torch
    from torch.nn import functional
    from torchvision.ops import generalized_box_iou_loss

    normed = heads["norm"](tokens)
    logits = heads["class"](normed).float()
    truth = batch.cells
    each = functional.cross_entropy(
        logits.flatten(0, 1), truth.flatten(), reduction="none", ignore_index=-1
    )
    shown = truth.flatten() > 0
    weight = torch.where(shown, 1.0, BACKGROUND_WEIGHT) * (truth.flatten() >= 0)
    loss = (each * weight).sum() / weight.sum().clamp(min=1e-6)
    if not bool(shown.any()):
        return DenseLoss(loss, 0.0, 0.0)
    own = cell_boxes(heads["box"](normed).float(), batch.rows, batch.columns).flatten(0, 1)[shown]
    true = batch.boxes.flatten(0, 1)[shown]
    apart = (own - true).abs().mean()
    loss = loss + 2.0 * apart + generalized_box_iou_loss(own, true, reduction="mean")
    if words is not None:
        said = heads["corner"](normed.flatten(0, 1)[shown]).float().unflatten(1, (4, -1))
        steps = (true * (labels.count - 1)).round().long()
        loss = loss + labels.loss_of_steps(said @ words.detach().T.float(), steps)
    with torch.no_grad():
        right = logits.flatten(0, 1)[shown].argmax(-1) == truth.flatten()[shown]
        overlap = paired_iou(own, true)
    return DenseLoss(loss, float(right.float().mean()), float(overlap.mean()))


def cell_boxes(raw: Any, rows: int, columns: int) -> Any:
    """Boxes as shares of the picture, each from its middle's distance to the cell's and its size.

    Args:
        raw: (B, rows * columns, 4), distances in quarters of the picture and logits of the sides.
        rows: cells down.
        columns: cells across.
    """
    import torch

    y, x = torch.meshgrid(
        (torch.arange(rows, device=raw.device) + 0.5) / rows,
        (torch.arange(columns, device=raw.device) + 0.5) / columns,
        indexing="ij",
    )
    middle = torch.stack([x, y], dim=-1).reshape(1, -1, 2) + 0.25 * raw[..., :2]
    half = 0.5 * torch.sigmoid(raw[..., 2:] - 1.0)
    return torch.cat([middle - half, middle + half], dim=-1)


def paired_iou(first: Any, second: Any) -> Any:
    """Intersection over union of boxes (T, 4) with their counterparts (T, 4)."""
    import torch

    low = torch.maximum(first[:, :2], second[:, :2])
    high = torch.minimum(first[:, 2:], second[:, 2:])
    common = (high - low).clamp(min=0).prod(1)
    areas = (first[:, 2:] - first[:, :2]).prod(1) + (second[:, 2:] - second[:, :2]).prod(1)
    return common / (areas - common).clamp(min=1e-9)
