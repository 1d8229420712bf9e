"""The builders by task."""

from __future__ import annotations

from collections.abc import Mapping

from . import (
    absent,
    common,
    correspondence,
    difference,
    multiview,
    reasoning,
    region,
    retrieval,
    robust,
    same_class,
    same_instance,
    tracking,
)  # fmt: skip
from .base import Builder

BUILDERS: Mapping[str, Builder] = {
    module.BUILDER.task: module.BUILDER
    for module in (
        retrieval, common, same_class, same_instance, region, difference, robust, multiview,
        tracking, correspondence, reasoning, absent,
    )
}  # fmt: skip
