"""TRL's SFT trainer with the schedules of our recipes."""

from __future__ import annotations

from trl import SFTTrainer

from ..cycles import RestartingSchedule


class RecipeSFTTrainer(RestartingSchedule, SFTTrainer):
    """`trl.SFTTrainer` whose schedule may go in cycles."""
