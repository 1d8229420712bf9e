"""Every option of a question, from wherever it is set: arguments, GEMVG_* variables, gemvg.toml.

The first that sets an option wins: an argument, then `GEMVG_<OPTION>`, then `gemvg.toml` in the
working folder, then `gemvg.toml` in the user's own configuration folder, then the default. In
gemvg.toml the options stand at the top level; tables are other commands' own. A value that can't
be is told in one line with the place that it came from.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ..policy.modes import Mode, Strategy
from ..tools.errors import UsageError
from ..tools.text import clean_text
from ..tools.toolbox import tool_names
from .budgets import Budgets
from .episode import Scores
from .pictures import MAX_IMAGES, Fetcher

if TYPE_CHECKING:
    from .grounding_agent import GroundingAgent

FILE_NAME = "gemvg.toml"
PREFIX = "GEMVG_"

ToolNames = Annotated[tuple[str, ...], BeforeValidator(tool_names)]


def _host_names(hosts: Any) -> Any:
    """Hosts as a list, or as in a variable: separated by commas."""
    return hosts.split(",") if isinstance(hosts, str) else hosts


HostNames = Annotated[tuple[str, ...], BeforeValidator(_host_names)]


class AskSettings(BaseModel):
    """How questions are to be answered; shared by ask, batch, eval and serve."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    policy: str = Field("nano", min_length=1, max_length=2000)
    dialect: str | None = None
    mode: Mode = "auto"
    strategy: Strategy = "auto"
    tools: ToolNames = Field(default_factory=lambda: tool_names(None))
    detector: str | None = Field(None, max_length=2000)
    open_detector: str | None = Field(None, max_length=2000)
    max_steps: int = Field(8, ge=1, le=100)
    max_tool_calls: int = Field(24, ge=0, le=1000)
    max_seconds: float = Field(300.0, gt=0, le=86_400)
    max_views: int = Field(48, ge=0, le=1000)
    max_images: int = Field(MAX_IMAGES, ge=1, le=1000)
    max_tokens: int = Field(2048, ge=16, le=131_072)
    temperature: float = Field(0.0, ge=0, le=2)
    seed: int = Field(0, ge=0, le=2**63 - 1)
    scores: Scores = "none"
    samples: int = Field(5, ge=2, le=64)
    allow_urls: bool = False
    url_hosts: HostNames = ()

    @classmethod
    def load(
        cls,
        arguments: Mapping[str, Any] | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        files: tuple[Path, ...] | None = None,
    ) -> AskSettings:
        """The settings that hold here and now.

        Args:
            arguments: options by name; those that are None are not set.
            environ: instead of the process's environment.
            files: instead of the two gemvg.toml files, the first one winning.

        Raises:
            UsageError: a value that can't be, an unknown option, a file that is no TOML; the
                message names the place.
        """
        values: dict[str, Any] = {}
        places: dict[str, str] = {}
        layers = [_from_file(file) for file in reversed(files or settings_files())]
        layers.append(_from_environment(os.environ if environ is None else environ))
        given = {k: v for k, v in (arguments or {}).items() if v is not None}
        layers.append(({k: f"--{k.replace('_', '-')}" for k in given}, given))
        for named, layer in layers:
            unknown = sorted(set(layer) - set(cls.model_fields))
            if unknown:
                raise UsageError(
                    f"{named[unknown[0]]}: there is no such option.",
                    f"The options are {', '.join(cls.model_fields)}.",
                )
            values |= layer
            places |= named
        return cls._checked(values, places)

    @classmethod
    def _checked(cls, values: Mapping[str, Any], places: Mapping[str, str]) -> AskSettings:
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            option = str(first["loc"][0]) if first["loc"] else "settings"
            given = clean_text(str(values.get(option)), 60)
            why = first["msg"].removeprefix("Value error, ")
            text = f"{places.get(option, option)}: {given!r} can't be used: {why}"
            raise UsageError(text if text.endswith(".") else f"{text}.") from error

    def budgets(self) -> Budgets:
        """What one question may spend."""
        return Budgets(self.max_steps, self.max_tool_calls, self.max_seconds, self.max_views)

    def fetcher(self) -> Fetcher | None:
        """What gets pictures from addresses, or None where that is not allowed.

        Without `url_hosts` any public host may be asked: the addresses are the user's own. A
        program that takes addresses from others demands the list (`gemvg-agent serve`, `mcp`).

        Raises:
            UsageError: something in the list that is no host.
        """
        if not self.allow_urls:
            return None
        from .fetch.address import HostList
        from .fetch.fetcher import SafeFetcher

        return SafeFetcher(HostList.of(self.url_hosts or ("*",)))

    def make_agent(self) -> GroundingAgent:
        """The agent that these settings describe."""
        from ..tools.toolbox import make_tools
        from .grounding_agent import GroundingAgent

        tools = make_tools(self.tools, detector=self.detector, open_detector=self.open_detector)
        return GroundingAgent(
            self.policy,
            dialect=self.dialect,
            mode=self.mode,
            strategy=self.strategy,
            tools=tools,
            budgets=self.budgets(),
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            seed=self.seed,
            scores=self.scores,
            samples=self.samples,
            max_images=self.max_images,
            fetch=self.fetcher(),
        )


def settings_files() -> tuple[Path, ...]:
    """Where gemvg.toml is looked for: the working folder, then the user's configuration folder."""
    return Path(FILE_NAME), user_folder() / FILE_NAME


def user_folder() -> Path:
    """The user's configuration folder for gemvg, whether or not it exists.

    Raises:
        UsageError: it is not set, and the user has no home (as in many containers).
    """
    variable = "APPDATA" if os.name == "nt" else "XDG_CONFIG_HOME"
    if chosen := os.environ.get(variable):
        return Path(chosen) / "gemvg"
    try:
        home = Path.home()
    except RuntimeError as error:
        raise UsageError(
            "this user has no home folder, in which settings are looked for.",
            f"Set HOME or {variable}.",
        ) from error
    return home / ("AppData/Roaming" if os.name == "nt" else ".config") / "gemvg"


Layer = tuple[dict[str, str], dict[str, Any]]
"""Where each option was set, and its value."""


def _from_file(file: Path) -> Layer:
    try:
        # Some editors begin a file with a byte order mark, which TOML does not know.
        content = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}, {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: the file can't be read.", "Check its rights.") from error
    except (ValueError, RecursionError) as error:
        # TOMLDecodeError, and what its reader meets in numbers too long or arrays too deep.
        raise UsageError(f"{file}: not valid TOML: {clean_text(str(error), 120)}.") from error
    values = {k: v for k, v in content.items() if not isinstance(v, dict)}
    return {key: f"{file}: {clean_text(key, 60)}" for key in values}, values


def _from_environment(environ: Mapping[str, str]) -> Layer:
    """Only variables of our options: others with the prefix belong to other parts."""
    names = {f"{PREFIX}{option.upper()}": option for option in AskSettings.model_fields}
    set_here = {name: environ[name] for name in names if environ.get(name, "") != ""}
    return {names[n]: n for n in set_here}, {names[n]: v for n, v in set_here.items()}
