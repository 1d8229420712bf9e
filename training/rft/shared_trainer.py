"""TRL's GRPO that reads what rollouts share once: while they are written, and in the loss."""

from __future__ import annotations

from typing import Any, cast

import torch
from trl import GRPOTrainer

from ...tools.errors import TrainingError
from ..cycles import RestartingSchedule
from .sampler import SameOrder
from .shared_loss import read_rows, shared_log_probs
from .shared_prefill import PromptRow, can_share, prompt_rows
from .shared_writing import Sampling, generate


class SharedPrefixTrainer(RestartingSchedule, GRPOTrainer):
    """GRPO whose groups need not be asked in one way: prompts may differ at their end.

    Where sharing can't be had (vLLM, sharded weights, narrowed sampling; in the loss also several
    processes, tool episodes, flash attention), TRL's own code runs, with the same result.

    Args:
        shared_prefill: prefill pictures and question once per group where generation runs in
            process on transformers.
        shared_loss: read them once per group in the loss, too.
        trl: as for `trl.GRPOTrainer`.
    """

    def __init__(
        self, *, shared_prefill: bool = True, shared_loss: bool = True, **trl: Any
    ) -> None:
        self.shared_prefill = shared_prefill
        self.shared_loss = shared_loss
        # Token ids with which the rows of the turn to come are begun, where a subclass begins them.
        self._openings: list[list[int]] = []
        super().__init__(**trl)

    def _get_train_sampler(self, dataset: Any = None) -> SameOrder:
        """TRL's order of questions, also in a later epoch that a run goes on in."""
        return SameOrder(super()._get_train_sampler(dataset), lambda: int(self.state.epoch or 0))

    def _ends(self) -> tuple[int, ...]:
        """Ids of tokens that end an answer."""
        ends: Any = self.eos_token_ids
        return tuple(sorted(int(token) for token in ends))

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
            # With tools a later turn has fewer rows; nothing is begun there.
            tags = self._openings if any(self._openings) else [[]] * len(prompt_ids)
            whole = [ids + own for ids, own in zip(prompt_ids, tags, strict=True)]
            rows = self._rows(whole, images, multimodal_fields)
            if rows is not None:
                said = self._generate_shared(rows, max(map(len, tags), default=0))
                return [own + ids for own, ids in zip(tags, said, strict=True)], None
            if any(tags):
                raise TrainingError(
                    "rollouts can't be begun with both tags for a model of this kind.",
                    "Set choice: sampled.",
                )
        return super()._generate_single_turn(
            prompt_ids, images, multimodal_fields, num_generations, has_tool_images
        )

    def _rows(
        self, prompt_ids: list[list[int]], images: Any, fields: dict[str, Any]
    ) -> list[PromptRow] | None:
        """Prompts with their own pictures; None where features are of another kind."""
        if "pixel_values" in fields and (images is None or self._image_pad_token_id is None):
            return None
        counts = [len(own or []) for own in images or [()] * len(prompt_ids)]
        return prompt_rows(prompt_ids, counts, fields, self._image_pad())

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

    def _generate_shared(self, rows: list[PromptRow], begun_tokens: int) -> list[list[int]]:
        """Completions of the rows, each group's prefix read once."""
        from trl.extras.profiling import profiling_context
        from trl.models.utils import unwrap_model_for_generation

        args: Any = self.args
        suppressed = (args.generation_kwargs or {}).get("suppress_tokens", ())
        sampling = Sampling(
            int(self.max_completion_length or 256) - begun_tokens,
            self._ends(),
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
            # Ours calls the towers themselves, which the trainer's own autocast does not wrap.
            self.accelerator.autocast(),
        ):
            training = bool(cast(Any, model).training)
            cast(Any, model).eval()
            try:
                # Adapters wrap the model that knows where pictures stand; they live in its layers.
                return generate(_without_wrapper(model), rows, sampling)
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
        return hasattr(model, "lm_head") and can_share(model)

    def _whole(self, model: Any) -> Any:
        """The model itself; adapters live within its layers."""
        return _without_wrapper(self.accelerator.unwrap_model(model))

    def _image_pad(self) -> int:
        pad: Any = self._image_pad_token_id
        return -1 if pad is None else int(pad)


def _without_wrapper(model: Any) -> Any:
    """A model without the class that adapters put around it."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model
