"""The hybrid trainer: TRL's GRPO with think, direct and auto rollouts in one advantage group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from trl import GRPOTrainer

from ...policy.modes import Mode
from ...tools.errors import TrainingError
from .baseline import mode_shift
from .environment import as_turns
from .modes import Baseline, HybridShares
from .pictures_once import pictures_once
from .reward_functions import GroupScorer
from .shared_loss import read_rows, shared_log_probs
from .shared_prefill import PromptRow, Sampling, can_share, generate, prompt_rows
from .written import Written, read_written

Row = dict[str, Any]
BONUS = "direct_bonus"


class HybridGRPOTrainer(GRPOTrainer):
    """GRPO over groups that hold several modes of the same question.

    Slot g of every group gets the prompt of `shares.layout(G)[g]`; answers to the auto prompt are
    measured against think and direct answers alike, so that its first tag is pushed towards the
    mode that serves the question. Grouping is TRL's own: global row r belongs to slot r mod G, on
    any number of processes.

    Args:
        scorer: the reward. Its terms become TRL's reward functions, one each.
        shares: how a group is divided.
        baseline: of rollouts whose prompt forces a mode; see `modes.Baseline`.
        direct_bonus: added to the advantage of an auto rollout that answered directly, and taken
            from one that thought, where the direct answers of its group are right as often as the
            reasoned ones: equal quality goes to the cheaper mode (the idea of AdaptThink's delta,
            arXiv 2505.13417). It is no part of the reward: there it would count against every think
            rollout of an easy question, scaled up by the small spread of such a group, and wear the
            think mode out. 0 for none.
        right_at: answer quality (F1 with IoU-weighted pairs) from which an answer is right.
        shared_prefill: prefill pictures and question once per group where generation runs in
            process on transformers.
        shared_loss: read them once per group in the loss, too; on one process, without tool
            episodes, with sdpa or eager attention. Elsewhere the loss is TRL's own.
        tools_in_prompt: the prompts themselves describe the tools, as they do at inference, so the
            chat template is not asked to.
        trl: everything else, as for `trl.GRPOTrainer`.
    """

    _tag_names = ("trl", "grpo", "gemvg", "hybrid-rft")

    def __init__(
        self,
        *,
        scorer: GroupScorer,
        shares: HybridShares,
        baseline: Baseline = "mode",
        direct_bonus: float = 0.5,
        right_at: float = 0.5,
        shared_prefill: bool = True,
        shared_loss: bool = True,
        tools_in_prompt: bool = False,
        **trl: Any,
    ) -> None:
        self.scorer = scorer
        self.shares = shares
        self.baseline: Baseline = baseline
        self.direct_bonus = direct_bonus
        self.right_at = right_at
        self.shared_prefill = shared_prefill
        self.shared_loss = shared_loss
        self._factors: torch.Tensor | None = None
        self._extra: torch.Tensor | None = None
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

    @property
    def _training(self) -> bool:
        """Whether this is a training step (TRL evaluates with the model in eval mode)."""
        model: Any = self.model
        return bool(model.training)

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
        with pictures_once(self.processing_class):
            output = super()._generate_and_score_completions(rows)
        self._check_pictures(rows, output)
        advantages: torch.Tensor = output["advantages"]
        if self._extra is not None:
            advantages = advantages + self._extra.to(advantages)
        if self._factors is not None:
            advantages = advantages * self._factors.to(advantages)
        output["advantages"] = advantages
        self._log_modes()
        return output

    def _generate(self, prompts: list[Any]) -> Any:
        generated = super()._generate(prompts)
        _, ids, tool_mask, completions, *_ = generated
        self._written = read_written(self._tokenizer, ids, tool_mask, completions)
        return generated

    def _get_tool_suffix_ids(self, tool_messages: list[Row]) -> list[int]:
        turns = [turn for message in tool_messages for turn in as_turns(message)]
        suffix: list[int] = super()._get_tool_suffix_ids(turns)
        return suffix

    def _generate_single_turn(
        self,
        prompt_ids: list[list[int]],
        images: Any,
        multimodal_fields: dict[str, Any],
        num_generations: int,
        has_tool_images: bool = False,
    ) -> Any:
        if self.use_vllm and self.vllm_mode == "server":
            # The server path keeps every num_generations-th prompt and samples it that often, which
            # would turn the whole group into one mode; so each prompt is asked for once.
            num_generations = 1
        if self._can_share():
            counts = [len(own or []) for own in images or [()] * len(prompt_ids)]
            rows = prompt_rows(prompt_ids, counts, multimodal_fields, self._image_pad())
            if rows is not None:
                return self._generate_shared(rows), None
        return super()._generate_single_turn(
            prompt_ids, images, multimodal_fields, num_generations, has_tool_images
        )

    def _can_share(self) -> bool:
        """Whether generation is ours to do: in process, whole weights, plain sampling."""
        from accelerate.utils import DistributedType

        here = self.accelerator.distributed_type in (
            DistributedType.NO, DistributedType.MULTI_CPU, DistributedType.MULTI_GPU,
        )  # fmt: skip
        args: Any = self.args
        plain = (args.top_p in (None, 1.0) and not args.top_k and not args.min_p
                 and args.repetition_penalty in (None, 1.0))  # fmt: skip
        known = set(args.generation_kwargs or {}) <= {"suppress_tokens"}
        wanted = self.shared_prefill and not self.use_vllm
        wanted = wanted and not self.use_transformers_continuous_batching
        return wanted and here and plain and known and can_share(self.model)

    def _generate_shared(self, rows: list[PromptRow]) -> list[list[int]]:
        """Completions of the rows, each group's prefix read once."""
        from trl.extras.profiling import profiling_context
        from trl.models.utils import unwrap_model_for_generation

        args: Any = self.args
        suppressed = (args.generation_kwargs or {}).get("suppress_tokens", ())
        sampling = Sampling(
            int(self.max_completion_length or 256),
            tuple(sorted(self.scorer.end_ids)),
            int(cast(Any, self._tokenizer).pad_token_id),
            float(self.temperature),
            tuple(suppressed),
        )
        with (
            profiling_context(self, "shared_prefill.generate"),
            unwrap_model_for_generation(
                cast(Any, self.model_wrapped),
                self.accelerator,
                gradient_checkpointing_kwargs=args.gradient_checkpointing_kwargs,
            ) as model,
        ):
            training = bool(cast(Any, model).training)
            cast(Any, model).eval()
            try:
                return generate(model, rows, sampling)
            finally:
                cast(Any, model).train(training)

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: torch.Tensor, attention_mask: torch.Tensor,
        logits_to_keep: int, *args: Any, **given: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:  # fmt: skip
        """TRL's, or its equal over shared prefixes."""
        rows = None
        if self._can_share_loss() and not args and not given.get("compute_aux_loss"):
            rows = read_rows(input_ids, attention_mask, logits_to_keep, given, self._image_pad())
        if rows is None:
            stock: Any = super()._get_per_token_logps_and_entropies(
                model, input_ids, attention_mask, logits_to_keep, *args, **given
            )
            return stock
        with self.accelerator.autocast():
            found = shared_log_probs(
                self._whole(model), *rows, logits_to_keep, temperature=float(self.temperature)
            )
        return found.log_probs, found.entropies, None

    def _can_share_loss(self) -> bool:
        """Whether groups may be packed: one process, whole weights, attention that takes a mask."""
        from accelerate.utils import DistributedType

        if not self.shared_loss or self.accelerator.distributed_type != DistributedType.NO:
            return False
        model = self._whole(self.model)
        known = hasattr(model, "lm_head") and can_share(model)
        return known and model.config._attn_implementation in ("sdpa", "eager")

    def _whole(self, model: Any) -> Any:
        """The model itself; adapters live within its layers."""
        whole: Any = self.accelerator.unwrap_model(model)
        return whole.get_base_model() if hasattr(whole, "get_base_model") else whole

    def _image_pad(self) -> int:
        pad: Any = self._image_pad_token_id
        return -1 if pad is None else int(pad)

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
        bonus = self._bonus(quality.view(-1, group)).view(-1)
        rewards[:, -1] = bonus
        extra = bonus
        if self.baseline == "mode":
            totals = (rewards * self.reward_weights.to(rewards)).sum(dim=1).view(-1, group)
            extra = bonus + mode_shift(totals, self.layout, cast(Any, self).scale_rewards).view(-1)
        start = self.accelerator.process_index * len(inputs)
        self._extra = extra[start : start + len(inputs)]
        self._factors = self._group_factors(quality.view(-1, group), len(inputs))
        return rewards

    def _bonus(self, quality: torch.Tensor) -> torch.Tensor:
        """(groups, G) the direct bonus of every rollout, or what it takes; see the class."""
        used = self._used_modes(quality.shape[0])
        direct = torch.tensor([[m == "direct" for m in row] for row in used], device=quality.device)
        auto = torch.tensor([m == "auto" for m in self.layout], device=quality.device)
        right = quality >= self.right_at
        reached, lost = _rate(right, direct), _rate(right, ~direct)
        # A comparison with an empty side is false: nothing is known of the mode that was not used.
        enough = ((reached >= lost) & (reached > 0)).unsqueeze(1) & right & auto
        sign = torch.where(direct, 1.0, -1.0).to(quality.dtype)
        return enough.to(quality.dtype) * sign * self.direct_bonus

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
        sums: dict[str, list[float]] = {}
        for rollout, quality in zip(self.scorer.rollouts, self.scorer.quality, strict=True):
            used = "think" if rollout.thought else "direct"
            sums.setdefault(f"modes/{rollout.asked}/quality", []).append(float(quality))
            sums.setdefault(f"modes/{rollout.asked}/tokens", []).append(float(rollout.tokens))
            if rollout.asked == "auto":
                sums.setdefault("modes/auto/think_share", []).append(float(used == "think"))
        for name, values in sums.items():
            self._metrics[phase][name].append(sum(values) / len(values))


def _rate(right: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """(groups,) how many of the chosen rollouts are right; NaN where none is chosen."""
    return (right & chosen).sum(dim=1) / chosen.sum(dim=1)


def _no_bonus(completions: Sequence[Any], **_: Any) -> list[float]:
    """Holds the column that the trainer fills once whole groups are gathered."""
    return [0.0] * len(completions)


_no_bonus.__name__ = BONUS
