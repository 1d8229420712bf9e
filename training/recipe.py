"""A training recipe: one YAML file that says what is trained, on what, how, and when to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..policy.presets import PRESETS
from ..tools.errors import DataError, MissingDependency
from ..tools.text import clean_text
from ..tools.tool import explain_validation
from .rft.modes import Baseline, Choice, Credit, HybridShares

Positive = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Bound = Annotated[float, Field(ge=0.0)]
RECIPES = Path(__file__).parent / "recipes"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LoraPart(_Part):
    """Low-rank adapters instead of full finetuning.

    `targets` are module names, or `all-linear` for every linear layer of the language model.
    """

    rank: Positive = 64
    alpha: Positive = 128
    dropout: Fraction = 0.0
    targets: str | list[str] = "all-linear"


class ModelPart(_Part):
    """What is trained.

    Attributes:
        base: folder or hub id, or `nano`, whose weights come with the package.
        dialect: how it will write; None finds it from the base's name.
        dtype: of the computation and of the final model. Weights that are trained are held in
            float32; a base under adapters is held in this dtype.
        freeze_vision: leave the vision tower as it is (Migician and UniVG-R1 do).
        max_pixels: of one picture after the processor's resize.
    """

    base: str
    dialect: str | None = None
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    lora: LoraPart | None = None
    freeze_vision: bool = True
    max_pixels: Positive = 401_408
    attention: Literal["sdpa", "eager", "flash_attention_2"] = "sdpa"
    gradient_checkpointing: bool = True

    @property
    def source(self) -> str:
        """Where the base's files are: its folder where they come with the package, else `base`."""
        preset = PRESETS.get(self.base)
        shipped = preset.folder if preset else None
        return self.base if shipped is None else str(shipped)


class DataPart(_Part):
    """Folders made by `gemvg-agent data build`, relative to where the command is run.

    Of a folder that was divided when it was built the `train` samples are trained on, and the `val`
    samples evaluated; `split: all` trains on both. `limit` and `eval_limit` take so many, of every
    task in turn. RFT of nano takes folders of `gemvg-agent train nano-conversations`, too: of each
    `episodes` conversations, drawn at random.
    """

    train: list[str] = Field(min_length=1)
    split: Literal["train", "all"] = "train"
    episodes: Positive = 1200
    eval: list[str] = Field(default_factory=list[str])
    limit: Positive | None = None
    eval_limit: Positive = 200


class SftPart(_Part):
    """Supervised stages.

    Attributes:
        stage: S1: short answers only; S2: reasoned and direct answers mixed.
        think_share: of samples with a trace, how many are trained with it (S2).
        auto_share: how many samples get the auto prompt, so that the first tag becomes a choice.
        thought_dropout: how often a trace is left empty under the auto prompt (TON).
        packing: put several samples into one row of at most `max_tokens`.
    """

    stage: Literal["s1", "s2"] = "s1"
    think_share: Fraction = 0.5
    auto_share: Fraction = 0.34
    thought_dropout: Fraction = 0.5
    packing: bool = False
    max_tokens: Positive = 8192


class RftPart(_Part):
    """Hybrid reinforcement finetuning; where the paper is silent, the defaults are its peers'.

    Attributes:
        shares: of each group's `group` rollouts that get the think and the direct prompt; the rest
            gets the auto prompt.
        baseline: what think and direct rollouts are measured against: those of the group that were
            asked for the same mode (`mode`), or the whole group as in stock GRPO (`group`).
        choice: how the auto prompt's rollouts begin: as the policy chooses (`sampled`), or by turns
            with both tags (`both`; in process on transformers, without tools).
        choice_weight: with `both`, how much the tag's token counts beside every other token.
        credit: what corners of boxes are judged by: the whole answer's reward (`rollout`), or what
            their own box hits (`boxes`; without tools).
        progression: how far the preset's bars rise over the run, as a share; 0 leaves them where
            they begin, which suits a policy whose boxes are coarse.
        direct_bonus: moves the auto prompt's choice towards direct where both are right.
        shared_prefill, shared_loss: read a group's pictures and question once for its rollouts, and
            once for their loss; the latter on one process, without tools.
    """

    preset: str = "gemvg"
    drop_terms: list[str] = Field(default_factory=list[str])
    progression: Fraction = 1.0
    shares: HybridShares = HybridShares()
    baseline: Baseline = "mode"
    choice: Choice = "sampled"
    choice_weight: Annotated[float, Field(gt=0.0)] = 1.0
    credit: Credit = "rollout"
    group: Annotated[int, Field(ge=2)] = 8
    direct_bonus: Fraction = 0.5
    beta: Annotated[float, Field(ge=0.0)] = 0.0
    clip: tuple[Bound, Bound] = (0.2, 0.28)
    temperature: Annotated[float, Field(gt=0.0)] = 1.0
    max_completion_tokens: Positive = 1024
    tools: list[Literal["zoom", "detect", "match", "compare"]] = Field(
        default_factory=list[Literal["zoom", "detect", "match", "compare"]]
    )
    max_tool_calls: Positive = 6
    vllm: Literal["off", "colocate", "server"] = "off"
    vllm_memory: Fraction = 0.35
    vllm_server: str = "http://127.0.0.1:8000"
    shared_prefill: bool = True
    shared_loss: bool = True


class OptimPart(_Part):
    """How it is optimised. `batch` is samples (SFT) or rollouts (RFT) per device and pass.

    With `cycles` above 1 the schedule, warmup included, is gone through so many times within
    `steps`, and the final model is the mean of the cycles' ends; see `cycles.CycleEnds`.
    """

    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-6
    steps: Positive = 1000
    cycles: Positive = 1
    batch: Positive = 8
    accumulate: Positive = 1
    warmup: Fraction = 0.03
    schedule: Literal["constant", "linear", "cosine"] = "cosine"
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0
    max_grad_norm: Annotated[float, Field(gt=0.0)] = 1.0


class GuardPart(_Part):
    """When to stop by oneself. Every bound is over a window of `window` logged steps.

    Attributes:
        min_entropy: mean token entropy below it: the policy has collapsed.
        min_mode_share: the auto prompt chooses one mode less often than this.
        max_cut_share: more completions than this run into the token limit.
        min_reward_std: reward hardly varies within groups: nothing is left to learn from.
    """

    window: Positive = 20
    min_entropy: Annotated[float, Field(ge=0.0)] = 0.002
    min_mode_share: Fraction = 0.0
    max_cut_share: Fraction = 0.8
    min_reward_std: Annotated[float, Field(ge=0.0)] = 1e-4


class RunPart(_Part):
    """Where results go and how often they are written."""

    output: str
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    log_every: Positive = 1
    save_every: Positive = 50
    keep: Positive = 2
    sample_every: Positive = 20
    eval_every: Positive | None = None
    tensorboard: bool = True
    cpu: bool = False


class Recipe(_Part):
    """A whole recipe. Exactly one of `sft` and `rft` is given."""

    name: str
    model: ModelPart
    data: DataPart
    sft: SftPart | None = None
    rft: RftPart | None = None
    optim: OptimPart = OptimPart()
    guard: GuardPart = GuardPart()
    run: RunPart

    @model_validator(mode="after")
    def _one_stage(self) -> Recipe:
        if (self.sft is None) == (self.rft is None):
            raise ValueError("give exactly one of sft and rft")
        if self.rft is not None and self.optim.batch % self.rft.group:
            raise ValueError(
                f"optim.batch ({self.optim.batch}) must be a multiple of rft.group "
                f"({self.rft.group}), so that a group is never split between passes"
            )
        if self.optim.steps % self.optim.cycles:
            raise ValueError(
                f"optim.steps ({self.optim.steps}) must be a multiple of optim.cycles "
                f"({self.optim.cycles}), so that all are equally long"
            )
        if self.run.eval_every is not None and not self.data.eval:
            raise ValueError("run.eval_every needs data.eval, which names what is evaluated on")
        if self.optim.cycles > 1 and self.model.lora is not None:
            raise ValueError(
                "optim.cycles means weights, and adapters can't be averaged: leave out "
                "model.lora or optim.cycles"
            )
        return self

    @property
    def stage(self) -> Literal["sft", "rft"]:
        """Which trainer it is for."""
        return "sft" if self.sft is not None else "rft"


def read_recipe(path: str | Path, overrides: list[str] | None = None) -> Recipe:
    """A recipe from a YAML file, or by name from those that come with the package.

    Args:
        path: file, or the name of a packaged recipe (`gemvg-7b-rft`).
        overrides: `part.key=value` texts that replace values (value in YAML).

    Raises:
        DataError: no such recipe, not YAML, an unknown key, a wrong value; says which.
    """
    try:
        import yaml
    except ImportError as error:
        raise MissingDependency(
            "training needs the extra `train`.", "pip install 'gemvg-agent[train]'"
        ) from error
    file = Path(path)
    # A bare word is a packaged recipe, whatever else of that name lies in the working folder.
    if file.suffix not in (".yaml", ".yml") or not file.is_file():
        packaged = RECIPES / f"{path}.yaml"
        if not packaged.is_file():
            names = ", ".join(sorted(p.stem for p in RECIPES.glob("*.yaml")))
            raise DataError(f"{clean_text(str(path), 200)}: no such recipe.", f"Packaged: {names}.")
        file = packaged
    try:
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise DataError(f"{file.name}: a recipe is a mapping of parts.")
        for text in overrides or []:
            content = _override(content, text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"{file.name}: not a YAML file that can be read.") from error
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise DataError(f"{file.name}: {explain_validation(error)}") from error


def _override(content: Any, text: str) -> Any:
    """One `part.key=value` put into a recipe's content."""
    import yaml

    where, equals, value = text.partition("=")
    keys = where.strip().split(".")
    if not equals or not all(keys):
        raise DataError(f"{clean_text(text, 100)}: not an override.", "Write part.key=value.")
    place = content
    for key in keys[:-1]:
        if not isinstance(place, dict) or not isinstance(place.get(key, {}), dict):
            raise DataError(f"{clean_text(where, 100)}: no such part of the recipe.")
        place = place.setdefault(key, {})
    place[keys[-1]] = yaml.safe_load(value)
    return content
