"""Run by test_hybrid_trainer on each of two processes: half of the rows, groups cut across them."""

import sys
from pathlib import Path

import torch

from tests.training import toy
from tests.training.test_hybrid_trainer import hybrid, repeated, scripted


def main(folder: Path) -> None:
    trainer = scripted(hybrid(folder / "two", bonus=0.5, per_device_train_batch_size=6))
    rank, rows = trainer.accelerator.process_index, repeated(toy.rows(3, 0))
    half = rows[rank * 6 : (rank + 1) * 6]
    output = trainer._generate_and_score_completions(half)
    asked = [rollout.asked for rollout in trainer.scorer.rollouts]
    torch.save({"advantages": output["advantages"], "asked": asked}, folder / f"{rank}.pt")
    # One that ends while the other still talks to it would take it down.
    trainer.accelerator.wait_for_everyone()
    trainer.accelerator.end_training()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
