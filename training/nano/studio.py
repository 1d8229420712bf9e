"""Everything that a nano run works with, made from its recipe: model, heads, words, scenes."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

from ...tools.errors import MissingDependency, WeightsError
from ..data.scenes.sprites import SpriteLibrary
from .answers import CoordinateLabels
from .composer import Composer
from .prompts import Prompts
from .recipe import NanoRecipe
from .shapes import ShapePictures
from .size import NanoSize, get_size

HEADS = "heads."


@dataclass(slots=True)
class Studio:
    """See the module.

    Attributes:
        model: a stock Qwen3-VL in float32. heads: used in training only.
        grids: (rows, columns) of cells that pictures may have.
    """

    recipe: NanoRecipe
    size: NanoSize
    model: Any
    heads: Any
    tokenizer: Any
    prompts: Prompts
    composer: Composer
    labels: CoordinateLabels
    grids: tuple[tuple[int, int], ...]
    device: Any

    @property
    def parameters(self) -> dict[str, Any]:
        """All parameters by name, tied ones once, those of the heads under `heads.`."""
        found = dict(self.model.named_parameters())
        return found | {HEADS + n: p for n, p in self.heads.named_parameters()}

    def load(self, file: Path) -> None:
        """Take all weights from a leg's file.

        Raises:
            WeightsError: it does not fit this recipe, or can't be read.
        """
        import torch
        from safetensors.torch import load_file

        try:
            stored = load_file(file)
        except (OSError, ValueError) as error:
            raise WeightsError(
                f"{file.name}: can't be read.", "Remove it to train anew."
            ) from error
        own = self.parameters
        fits = stored.keys() == own.keys() and all(own[n].shape == stored[n].shape for n in own)
        if not fits:
            raise WeightsError(
                f"{file}: is of another size or other names.", "Choose another output folder."
            )
        with torch.no_grad():
            for name, parameter in own.items():
                parameter.copy_(stored[name])

    def save(self, file: Path) -> None:
        """Write all weights, complete or not at all."""
        from safetensors.torch import save_file

        fresh = file.with_suffix(".new")
        save_file({n: p.detach().cpu().contiguous() for n, p in self.parameters.items()}, fresh)
        fresh.replace(file)


def open_studio(recipe: NanoRecipe, device: str | None = None) -> Studio:
    """Build everything; the same recipe gives the same starting weights everywhere.

    Raises:
        MissingDependency: torch or transformers is not installed. DataError: the object pictures
            can't be fetched.
    """
    if not all(map(find_spec, ("torch", "torchvision", "transformers", "cv2", "yaml"))):
        raise MissingDependency(
            "training needs the extra `train`.", "pip install 'gemvg-agent[train]'"
        )
    import torch

    from .dense import make_heads
    from .model import build_model
    from .tokenizer import make_tokenizer
    from .words import packaged_words

    if recipe.threads is not None:
        torch.set_num_threads(recipe.threads)
    size = get_size(recipe.size)
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    tokenizer = make_tokenizer(packaged_words())
    library = _library(recipe)
    composer = Composer(library, _names(library, recipe), size.patch * size.merge, recipe.most)
    return Studio(
        recipe,
        size,
        build_model(size, tokenizer, recipe.seed).to(place),
        make_heads(size.width, len(composer.names), recipe.seed).to(place),
        tokenizer,
        Prompts(tokenizer),
        composer,
        CoordinateLabels(tokenizer),
        tuple(recipe.shapes) or ((size.cells, size.cells),),
        place,
    )


def _library(recipe: NanoRecipe) -> SpriteLibrary:
    if recipe.objects == "shapes":
        return ShapePictures()
    from ..data.scenes.package import ObjectPictures

    return ObjectPictures()


def _names(library: SpriteLibrary, recipe: NanoRecipe) -> tuple[str, ...]:
    """The recipe's number of names, drawn by its seed, in alphabetical order."""
    known = sorted(library.labels)
    if recipe.names is None or recipe.names >= len(known):
        return tuple(known)
    return tuple(sorted(Random(f"{recipe.seed}:names").sample(known, recipe.names)))
