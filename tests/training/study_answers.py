"""Answers as the study measures them, for tests of its parts."""

from gemvg.training.nano.measure import Measured


def answers(sample, task, think, direct, auto_thinks):
    """One question's answers in the three modes, worth as much as is said."""
    auto = think if auto_thinks else direct
    return [
        Measured(sample, task, "think", think, 40, True),
        Measured(sample, task, "direct", direct, 10, False),
        Measured(sample, task, "auto", auto, 40 if auto_thinks else 10, auto_thinks),
    ]
