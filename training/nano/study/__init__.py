"""What reinforcement finetuning does to nano: arms, seeds, runs, and what they add up to."""

from .arms import ARMS, StudyPlan
from .gains import Gain, paired_gain, pooled, write_gains
from .room import write_room
from .runs import run_study
from .summary import ArmSummary, by_held, read_study, write_table

__all__ = [
    "ARMS",
    "ArmSummary",
    "Gain",
    "StudyPlan",
    "by_held",
    "paired_gain",
    "pooled",
    "read_study",
    "run_study",
    "write_gains",
    "write_room",
    "write_table",
]
