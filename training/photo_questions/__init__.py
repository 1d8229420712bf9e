"""Questions about annotated photographs, with exact answers."""

from .build import build_questions
from .photos import Photo, load_photos
from .sample import TASKS, PhotoQuestion, QuestionTask, Shot

__all__ = [
    "TASKS",
    "Photo",
    "PhotoQuestion",
    "QuestionTask",
    "Shot",
    "build_questions",
    "load_photos",
]
