"""The planner: English grounding questions understood by rule, answered through tools."""

from .planner import Planner
from .question import Question
from .understand import understand

__all__ = ["Planner", "Question", "understand"]
