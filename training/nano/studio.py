"""Everything that a nano run works with, made from its recipe: model, heads, words, scenes."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

from ...tools.errors import MissingDependency, WeightsError
from ..data.language.words import plural
from ..data.scenes.sprites import SpriteLibrary
from ..writing import disk_errors
from .answers import CoordinateLabels
from .composer import Composer
from .engine import EnginePages
from .photo_pages import PhotoPages
from .prompts import Prompts
from .recipe import NanoRecipe
from .recording import read_conversations
from .shapes import ShapePictures
from .size import NanoSize, get_size
from .tokenizer import SPACE
from .words import packaged_words, words_of

HEADS = "heads."
WORDS = "words.txt"
"""File of a run that holds its words, one a line, in the order of their tokens."""


@dataclass(slots=True)
class Studio:
    """See the module.

    Attributes:
        model: a stock Qwen3-VL in float32. heads: used in training only.
        grids: (rows, columns) of cells that pictures may have.
        engine: makes pages from the data engine's builders.
        photos: makes pages from recorded conversations, or None where the recipe names none.
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
    engine: EnginePages
    photos: PhotoPages | None
    device: Any

    @property
    def parameters(self) -> dict[str, Any]:
        """All parameters by name, tied ones once, those of the heads under `heads.`."""
        found = dict(self.model.named_parameters())
        return found | {HEADS + n: p for n, p in self.heads.named_parameters()}

    def word_names(self) -> int:
        """Begin the words of names where the class head looks for what they name.

        A word and the visual tokens of its thing then point the same way, so the language model
        finds a named thing by likeness from its first step on. Words that stand in several names
        are left as they are.

        Returns:
            how many words were set.
        """
        import torch

        owners: dict[int, set[int]] = {}
        for k, name in enumerate(self.composer.names):
            for word in words_of(f"{name} {plural(name)}"):
                owners.setdefault(self.tokenizer.convert_tokens_to_ids(SPACE + word), set()).add(k)
        with torch.no_grad():
            table = self.model.get_input_embeddings().weight
            length = table.norm(dim=1).mean()
            looks = self.heads["class"].weight[1:] * self.heads["norm"].weight
            looks = looks - looks.mean(0)
            for token, names in owners.items():
                if len(names) == 1:
                    look = looks[min(names)]
                    table[token] = look / look.norm().clamp(min=1e-6) * length
        return sum(len(names) == 1 for names in owners.values())

    def load(self, file: Path) -> None:
        """Take all weights from a leg's file.

        Raises:
            WeightsError: it does not fit this recipe, or can't be read.
        """
        import torch
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            stored = load_file(file)
        except (OSError, ValueError, SafetensorError) as error:
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
        with disk_errors():
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

    if recipe.threads is not None:
        torch.set_num_threads(recipe.threads)
    size = get_size(recipe.size)
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    said, thumbnails = read_conversations(Path(recipe.episodes)) if recipe.episodes else ([], {})
    tokenizer = make_tokenizer(_words(Path(recipe.output) / WORDS))
    prompts = Prompts(tokenizer)
    library = _library(recipe)
    composer = Composer(library, _names(library, recipe), size.patch * size.merge, recipe.most)
    return Studio(
        recipe,
        size,
        build_model(size, tokenizer, recipe.seed).to(place),
        make_heads(size.width, len(composer.names), recipe.seed).to(place),
        tokenizer,
        prompts,
        composer,
        CoordinateLabels(tokenizer),
        tuple(recipe.shapes) or ((size.cells, size.cells),),
        EnginePages(
            library, composer, {str(name): share for name, share in (recipe.tasks or {}).items()}
        ),
        PhotoPages(said, thumbnails, prompts, composer.cell) if said else None,
        place,
    )


def _words(file: Path) -> tuple[str, ...]:
    """The run's own words where it has begun, else those of the package.

    A word more in the grammar would move every token after it: what was learnt would be lost.
    """
    if file.is_file():
        return tuple(file.read_text(encoding="utf-8").split())
    return packaged_words()


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
