"""Where the shared real data lies, and the skip mark for machines that have none."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("GEMVG_SHARED", Path(__file__).parents[2] / "shared")).resolve()

needs_shared = pytest.mark.skipif(
    not (SHARED / "photos" / "instances.json").is_file(),
    reason="the shared photographs are not here; set GEMVG_SHARED to their folder",
)
