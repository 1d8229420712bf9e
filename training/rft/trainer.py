"""The hybrid trainer: TRL's GRPO with think, direct and auto rollouts in one advantage group."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, cast

import torch

from ...policy.modes import Mode
from ...tools.errors import TrainingError
from ..rewards.rollout import BoxSet
from .baseline import Scale, mode_shift, scaled
from .box_credit import judged_by_box
from .choice import bonus_of_choice, choice_advantages, openings, settled_held
from .environment import as_turns
from .mode_logs import CHOSEN, mode_logs
from .modes import Baseline, Choice, Credit, HybridShares, begun
from .pictures_once import pictures_once
from .reward_functions import GroupScorer
from .shared_trainer import SharedPrefixTrainer
from .written import Written, read_written

Row = dict[str, Any]
BONUS = "direct_bonus"


class HybridGRPOTrainer(SharedPrefixTrainer):
    """GRPO over groups that hold several modes of the same question.

    Slot g of every group gets the prompt of `shares.layout(G)[g]`; answers to the auto prompt are
    measured against think and direct answers alike, so that its first tag is pushed towards the
    mode that serves the question. Grouping is TRL's own: global row r belongs to slot r mod G, on
    any number of processes.

    Args:
        scorer: the reward. Its terms become TRL's reward functions, one each.
        shares: how a group is divided.
        baseline: of rollouts whose prompt forces a mode; see `modes.Baseline`.
        choice: how the auto prompt's rollouts begin; see `choice.Choice`. `both` needs generation
            in process on transformers, and no tool episodes.
        credit: what coordinates are judged by; see `modes.Credit`. `boxes` needs rollouts without
            tool episodes.
        choice_weight: with `both`, times what the tag's token counts beside every other one. A tag
            is one token of an answer and decides on all the rest; counted once it learns slowest.
        direct_bonus: see `choice.bonus_of_choice`; it is added to the advantage, with `both` to
            that of the tag alone. It is no part of the reward: there it would count against every
            think rollout of an easy question, scaled up by the small spread of such a group, and
            wear the think mode out. 0 for none.
        right_at: answer quality (F1 with IoU-weighted pairs) from which an answer is right.
        tools_in_prompt: the prompts themselves describe the tools, as they do at inference, so the
            chat template is not asked to.
        trl: everything else, as for `SharedPrefixTrainer`.
    """

    _tag_names = ("trl", "grpo", "gemvg", "hybrid-rft")

    def __init__(
        self,
        *,
        scorer: GroupScorer,
        shares: HybridShares,
        baseline: Baseline = "mode",
        choice: Choice = "sampled",
        choice_weight: float = 1.0,
        credit: Credit = "rollout",
        direct_bonus: float = 0.5,
        right_at: float = 0.5,
        tools_in_prompt: bool = False,
        **trl: Any,
    ) -> None:
        if credit == "boxes" and (trl.get("environment_factory") or trl.get("tools")):
            raise TrainingError(
                "boxes can't be judged apart where tools may speak between them.",
                "Set credit: rollout, or leave out tools.",
            )
        self.scorer = scorer
        self.shares = shares
        self.baseline: Baseline = baseline
        self.choice: Choice = choice
        self.choice_weight = choice_weight
        self.credit: Credit = credit
        self.direct_bonus = direct_bonus
        self.right_at = right_at
        self._factors: torch.Tensor | None = None
        self._extra: torch.Tensor | None = None
        self._tags: torch.Tensor | None = None
        self._begun_tokens: torch.Tensor | None = None
        self._written: list[Written] = []
        functions: list[Any] = scorer.functions()
        args = trl["args"]
        args.reward_weights = [*scorer.weights(), 0.0]
        rewards: list[Any] = [*functions, _no_bonus]
        super().__init__(reward_funcs=rewards, **trl)
        if baseline == "mode" and args.multi_objective_aggregation != "sum_then_normalize":
            raise TrainingError(
                "a baseline for each mode needs rewards that are summed before they are scaled.",
                'Set multi_objective_aggregation="sum_then_normalize", or baseline="group".',
            )
        if choice == "both":
            self._check_choice()
        if not scorer.end_ids:
            ends: Any = self.eos_token_ids
            scorer.end_ids = frozenset(int(token) for token in ends)
        if tools_in_prompt and self.environment_factories is not None:
            factories: Any = self.environment_factories
            self._env_tools = {name: [] for name in factories}

    @property
    def layout(self) -> tuple[Mode, ...]:
        """The mode of every slot of a group, for the present phase (training or evaluation)."""
        return self.shares.layout(self._group())

    def _group(self) -> int:
        """G of the present phase."""
        return int((self.num_generations if self._training else self.num_generations_eval) or 1)

    def _ends(self) -> tuple[int, ...]:
        return tuple(sorted(self.scorer.end_ids))

    @property
    def _training(self) -> bool:
        """Whether this is a training step (TRL evaluates with the model in eval mode)."""
        model: Any = self.model
        return bool(model.training)

    @property
    def _begins(self) -> bool:
        """Whether rollouts are begun: in training, not where the policy is judged."""
        return self.choice == "both" and self._training and "auto" in self.layout

    def _slots(self, count: int) -> list[Mode]:
        """Modes of this process's `count` rows."""
        layout, start = self.layout, self.accelerator.process_index * count
        return [layout[(start + i) % len(layout)] for i in range(count)]

    def _generate_and_score_completions(self, inputs: list[Row]) -> dict[str, Any]:
        modes = self._slots(len(inputs))
        rows = [
            {**row, "mode": mode, "prompt": row[f"prompt_{mode}"]}
            for row, mode in zip(inputs, modes, strict=True)
        ]
        self._openings = self._opened(len(inputs))
        with pictures_once(self.processing_class):
            output = super()._generate_and_score_completions(rows)
        self._check_pictures(rows, output)
        output["advantages"] = self._final_advantages(output)
        if self.credit == "boxes":
            output["advantages"] = self._of_boxes(rows, output)
        if self._tags is not None:
            lengths = [len(opening) for opening in self._openings]
            output["begun_tokens"] = torch.tensor(lengths, device=output["advantages"].device)
        self._log_modes()
        return output

    def _final_advantages(self, output: dict[str, Any]) -> torch.Tensor:
        """TRL's with what is ours: (rows,), or (rows, width) where tags have their own."""
        advantages: torch.Tensor = output["advantages"]
        if self._extra is not None:
            advantages = advantages + self._extra.to(advantages)
        factors = 1.0 if self._factors is None else self._factors.to(advantages)
        if self._tags is None:
            return advantages * factors
        width = output["completion_ids"].shape[1]
        spread = (advantages * factors).unsqueeze(1).repeat(1, width)
        tags = self._tags.to(advantages) * factors * self.choice_weight
        for row, opening in enumerate(self._openings):
            spread[row, : len(opening)] = tags[row]
        return spread

    def _of_boxes(self, rows: Sequence[Row], output: dict[str, Any]) -> torch.Tensor:
        """(rows, width) advantages, those of coordinates by their own box."""
        ids: torch.Tensor = output["completion_ids"]
        advantages: torch.Tensor = output["advantages"]
        if advantages.dim() == 1:
            advantages = advantages.unsqueeze(1).repeat(1, ids.shape[1])
        truths = [BoxSet.of_rows(row["truth"]) for row in rows]
        piece = cache(lambda token: str(self._tokenizer.decode([token])))
        factors = None if self._factors is None else self._factors.tolist()
        return judged_by_box(
            advantages, ids.tolist(), piece, self.scorer.rollouts, truths, self._group(), factors
        )

    def _check_choice(self) -> None:
        """Whether rollouts can be begun here."""
        if self.environment_factories is not None or not self._can_share():
            raise TrainingError(
                "rollouts can be begun with both tags only where they are generated in process.",
                "Set choice: sampled, or leave out vLLM, tools and what narrows sampling.",
            )
        tags = openings(self.layout, self.scorer.dialect, self._tokenizer)
        longest, room = max(map(len, tags)), int(self.max_completion_length or 256)
        if room <= longest:
            raise TrainingError(
                f"the tags that rollouts begin with have up to {longest} tokens, so {room} leave "
                "none to write.",
                "Raise rft.max_completion_tokens.",
            )

    def _opened(self, count: int) -> list[list[int]]:
        """Token ids with which this process's rows begin; empty where the model begins itself."""
        if not self._begins:
            return [[] for _ in range(count)]
        slots = openings(self.layout, self.scorer.dialect, self._tokenizer)
        start = self.accelerator.process_index * count
        return [slots[(start + i) % len(slots)] for i in range(count)]

    def _generate(self, prompts: list[Any]) -> Any:
        generated = super()._generate(prompts)
        _, ids, tool_mask, completions, *_ = generated
        self._written = read_written(self._tokenizer, ids, tool_mask, completions)
        return generated

    def _get_tool_suffix_ids(self, tool_messages: list[Row]) -> list[int]:
        turns = [turn for message in tool_messages for turn in as_turns(message)]
        suffix: list[int] = super()._get_tool_suffix_ids(turns)
        return suffix

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        self._begun_tokens = inputs.get("begun_tokens")
        loss: torch.Tensor = super()._compute_loss(model, inputs)
        self._begun_tokens = None
        return loss

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: torch.Tensor, attention_mask: torch.Tensor,
        logits_to_keep: int, *args: Any, **given: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:  # fmt: skip
        """With the gradient of tags only where their choice is still open."""
        found: Any = super()._get_per_token_logps_and_entropies(
            model, input_ids, attention_mask, logits_to_keep, *args, **given
        )
        if self._begun_tokens is None:
            return found
        return settled_held(found[0], self._begun_tokens), *found[1:]

    def _calculate_rewards(
        self, inputs: list[Row], prompts: Any, completions: Any, completion_ids_list: Any
    ) -> torch.Tensor:
        for row, written in zip(inputs, self._written, strict=True):
            row["written"] = written
        rewards: torch.Tensor = super()._calculate_rewards(
            inputs, prompts, completions, completion_ids_list
        )
        if torch.isnan(rewards).any():
            first = int(torch.isnan(rewards).any(dim=0).int().argmax())
            raise TrainingError(f"the reward term {self.reward_func_names[first]} is not a number.")
        local = torch.tensor(self.scorer.quality, dtype=torch.float32, device=rewards.device)
        quality = cast(torch.Tensor, self.accelerator.gather(local))
        group = self._group()
        bonus = self._bonus(quality.view(-1, group))
        rewards[:, -1] = bonus.view(-1)
        totals = (rewards * self.reward_weights.to(rewards)).sum(dim=1).view(-1, group)
        scale: Scale = cast(Any, self).scale_rewards
        extra = torch.zeros_like(totals)
        if self.baseline == "mode":
            extra = mode_shift(totals, self.layout, scale)
        tags: torch.Tensor | None = None
        if self._begins:
            worth = choice_advantages(totals, bonus, self.layout, scale, self._obeyed(totals))
            auto = torch.tensor([m == "auto" for m in self.layout], device=totals.device)
            stock = scaled(totals - totals.mean(dim=1, keepdim=True), totals, scale)
            extra, tags = extra + (worth.rest - stock) * auto, worth.tag
        else:
            extra = extra + bonus
        start = self.accelerator.process_index * len(inputs)
        own = slice(start, start + len(inputs))
        self._extra = extra.view(-1)[own]
        self._tags = None if tags is None else tags.view(-1)[own]
        self._factors = self._group_factors(quality.view(-1, group), len(inputs))
        return rewards

    def _bonus(self, quality: torch.Tensor) -> torch.Tensor:
        """(groups, G) what the choice itself gets or loses; see `bonus_of_choice`."""
        used = self._used_modes(quality.shape[0])
        if self._begins:
            # The tag is what is judged, whether or not a thought came of it.
            used = [
                [first or mode for first, mode in zip(begun(self.layout), row, strict=True)]
                for row in used
            ]
        direct = torch.tensor([[m == "direct" for m in row] for row in used], device=quality.device)
        return bonus_of_choice(quality >= self.right_at, direct, self.layout, self.direct_bonus).to(
            quality
        )

    def _obeyed(self, totals: torch.Tensor) -> torch.Tensor:
        """(groups, G) whether a rollout is in the mode of its prompt; one that was begun is."""
        used = self._used_modes(totals.shape[0])
        own = begun(self.layout)
        rows = [
            [first is not None or mode == asked
             for mode, asked, first in zip(row, self.layout, own, strict=True)]
            for row in used
        ]  # fmt: skip
        return torch.tensor(rows, device=totals.device)

    def _used_modes(self, groups: int) -> list[list[str]]:
        """What every rollout of the step did, by its tags: (groups, G) of think or direct."""
        from accelerate.utils import gather_object

        local = ["think" if r.thought else "direct" for r in self.scorer.rollouts]
        every: list[str] = list(gather_object(local))
        size = len(every) // max(1, groups)
        return [every[i * size : (i + 1) * size] for i in range(groups)]

    def _group_factors(self, quality: torch.Tensor, count: int) -> torch.Tensor | None:
        """(count,) advantage factors of this process's rows, or None where the preset has none."""
        weigh = self.scorer.preset.group_weight
        if weigh is None:
            return None
        factors = torch.tensor(weigh(quality.mean(dim=1).cpu().double().numpy()))
        every = factors.repeat_interleave(quality.shape[1])
        start = self.accelerator.process_index * count
        return every[start : start + count].float()

    def _check_pictures(self, rows: Sequence[Row], output: dict[str, Any]) -> None:
        """TRL drops a batch's pictures where tokens and features differ; that must not pass."""
        if any(row.get("images") for row in rows) and output.get("pixel_values") is None:
            raise TrainingError(
                "image tokens and image features differ in length, so this step would have been "
                "trained without its pictures.",
                "Raise rft.max_completion_tokens or lower model.max_pixels.",
            )

    def _log_modes(self) -> None:
        """Shares, lengths and quality per mode, averaged over processes at the next log."""
        phase = "train" if self._training else "eval"
        for name, value in mode_logs(self.scorer.rollouts, self.scorer.quality).items():
            if not (self._begins and name == CHOSEN):
                self._metrics[phase][name].append(value)


def _no_bonus(completions: Sequence[Any], **_: Any) -> list[float]:
    """Holds the column that the trainer fills once whole groups are gathered."""
    return [0.0] * len(completions)


_no_bonus.__name__ = BONUS
