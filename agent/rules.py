"""When a direct answer is not enough: the rules by which `auto` asks again, thinking."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..policy.policy import Policy
from ..tools.errors import OutputError, UsageError
from ..tools.paths import user_path
from ..tools.text import clean_text

FILE_NAME = "calibration.json"
VARIABLE = "GEMVG_CALIBRATION"


@dataclass(frozen=True, slots=True)
class EscalationRules:
    """When `auto` has a policy that was not trained to choose think again.

    Attributes:
        threshold: a direct answer whose least certain coordinate token is less probable than this
            is given anew; 0 trusts every token, anything above 1 none. The default is a guess;
            what pays is found by `gemvg-agent calibrate`.
        count_check: ask again where the question asks for several boxes and fewer came.
        tool_check: ask again where the detector sees what was asked for elsewhere.
        calibrated: whether the threshold was fitted for this policy.
    """

    threshold: float = 0.3
    count_check: bool = True
    tool_check: bool = True
    calibrated: bool = False


def rules_file() -> Path:
    """Where calibrations are kept: $GEMVG_CALIBRATION, else the user's configuration folder."""
    from .settings import user_folder

    named = os.environ.get(VARIABLE)
    # A `~NAME` of nobody stays as it is, and is then a file that is not there.
    return user_path(named) if named else user_folder() / FILE_NAME


def policy_key(policy: Policy) -> str:
    """What a calibration belongs to: the weights and how they are spoken to, not where they run."""
    return f"{clean_text(policy.name, 200)} | {policy.dialect.name}"


def load_rules(policy: Policy, file: Path | None = None) -> EscalationRules:
    """The rules for a policy: as calibrated, or the defaults.

    Raises:
        UsageError: the file is damaged.
    """
    entry = _read(file or rules_file()).get(policy_key(policy))
    if not isinstance(entry, Mapping):
        return EscalationRules()
    try:
        threshold = float(entry.get("threshold", 0.0))
    except (TypeError, ValueError):
        threshold = float("nan")
    if not 0.0 <= threshold <= 1.1:
        raise UsageError(
            f"{file or rules_file()}: the threshold of {policy_key(policy)} is no probability.",
            "Run gemvg-agent calibrate again.",
        )
    return EscalationRules(
        threshold,
        bool(entry.get("count_check", True)),
        bool(entry.get("tool_check", True)),
        calibrated=True,
    )


def check_rules_file(file: Path | None = None) -> None:
    """Raise, before anything is spent on rules, what `save_rules` would raise after it.

    Args:
        file: instead of the usual one.

    Raises:
        OutputError: it can't be written. UsageError: what is there is damaged.
    """
    target = file or rules_file()
    _read(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{target} can't be written.", "Check its folder's rights.") from error
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise OutputError(f"{target} can't be written.", "Check its folder's rights.")


def save_rules(
    policy: Policy, rules: EscalationRules, facts: Mapping[str, Any], file: Path | None = None
) -> Path:
    """Keep a policy's rules for `auto`; other policies' entries stay.

    Args:
        policy: whose they are.
        rules: as fitted.
        facts: what they were fitted on, for people.
        file: instead of the usual one.

    Raises:
        OutputError: the file can't be written. UsageError: what is there is damaged.
    """
    target = file or rules_file()
    entries = dict(_read(target))
    kept = {key: value for key, value in asdict(rules).items() if key != "calibrated"}
    entries[policy_key(policy)] = {**kept, **facts}
    partial = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(entries, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        partial.replace(target)
    except OSError as error:
        raise OutputError(f"{target} can't be written.", "Check its folder's rights.") from error
    return target


def _read(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{file}: the calibration file can't be read.", "Mend it, or delete it."
        ) from error
    return content if isinstance(content, dict) else {}
