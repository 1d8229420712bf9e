"""`gemvg-agent serve`: questions over HTTP, and the page."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import (
    AllowUrlsOption,
    DetectorOption,
    DialectOption,
    MaxImagesOption,
    MaxSecondsOption,
    MaxStepsOption,
    MaxTokensOption,
    MaxToolCallsOption,
    MaxViewsOption,
    ModeOption,
    OpenDetectorOption,
    PolicyOption,
    SamplesOption,
    ScoresOption,
    SeedOption,
    StrategyOption,
    TemperatureOption,
    ToolsOption,
    load_settings,
)

if TYPE_CHECKING:
    from ..grounding_agent import GroundingAgent
    from ..serve.options import ServeOptions
    from ..settings import AskSettings

KEY_VARIABLE = "GEMVG_SERVE_KEY"

HostOption = Annotated[str, typer.Option(help="Where to listen.")]
PortOption = Annotated[int, typer.Option(help="Where to listen; 0 is any.", min=0, max=65535)]
KeyFileOption = Annotated[
    Path | None,
    typer.Option(help=f"A file with the key that requests must bring; or {KEY_VARIABLE}."),
]
ParallelOption = Annotated[
    int, typer.Option(help="Questions answered at once; more where the policy is served.", min=1)
]
WaitingOption = Annotated[int, typer.Option(help="Questions that may wait.", min=0)]
MaxRequestOption = Annotated[float, typer.Option(help="Size of a request.", min=0.01, max=1e6)]
UrlHostOption = Annotated[
    list[str] | None,
    typer.Option(
        "--url-host",
        metavar="HOST",
        help="With --allow-urls: a host that pictures may come from, such as *.example.org.",
    ),
]


def serve(
    context: typer.Context,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8321,
    key_file: KeyFileOption = None,
    parallel: ParallelOption = 2,
    waiting: WaitingOption = 64,
    max_request_mb: MaxRequestOption = 48.0,
    policy: PolicyOption = None,
    dialect: DialectOption = None,
    mode: ModeOption = None,
    strategy: StrategyOption = None,
    tools: ToolsOption = None,
    detector: DetectorOption = None,
    open_detector: OpenDetectorOption = None,
    max_steps: MaxStepsOption = None,
    max_tool_calls: MaxToolCallsOption = None,
    max_seconds: MaxSecondsOption = None,
    max_views: MaxViewsOption = None,
    max_images: MaxImagesOption = None,
    max_tokens: MaxTokensOption = None,
    temperature: TemperatureOption = None,
    scores: ScoresOption = None,
    samples: SamplesOption = None,
    seed: SeedOption = None,
    allow_urls: AllowUrlsOption = None,
    url_host: UrlHostOption = None,
) -> None:
    """Answer questions over HTTP, with a page at /.

    Only this machine can reach it unless --host says otherwise, and then a key is needed. SIGTERM
    and Ctrl-C finish the questions that were taken.
    """
    from ...tools.errors import MissingDependency

    try:
        from ..serve.app import make_app
        from ..serve.running import check_exposure
        from ..serve.running import serve as run
    except ModuleNotFoundError as error:
        raise MissingDependency(
            "the server's packages are not installed.", "pip install 'gemvg-agent[server]'"
        ) from error
    key = read_key(key_file, KEY_VARIABLE)
    check_exposure(host, key)
    settings = remote_settings(context, url_host)
    limits = serve_limits(context.params, settings, key)
    run(make_app(remote_agent(settings), limits, settings.fetcher()), host, port, limits)


def serve_limits(given: Mapping[str, Any], settings: AskSettings, key: str | None) -> ServeOptions:
    """What the server lets in, from the command's options by name and the questions' settings."""
    from ..serve.options import ServeOptions

    usual = ServeOptions()
    # Whoever set a number, in whatever place, means it; the default of `ask` is not for a server.
    said = "max_images" in settings.model_fields_set
    return ServeOptions(
        key=key,
        host_names=(*usual.host_names, given["host"].lower()),
        max_request_bytes=round(given["max_request_mb"] * 1e6),
        max_pictures=settings.max_images if said else usual.max_pictures,
        running=given["parallel"],
        waiting=given["waiting"],
        max_seconds=settings.max_seconds + 10.0,
    )


def read_key(file: Path | None, variable: str) -> str | None:
    """The key from a file or the environment; never an argument, which others could see.

    Raises:
        UsageError: the file can't be read or is empty.
    """
    from ...tools.errors import UsageError

    if file is None:
        return os.environ.get(variable) or None
    try:
        key = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: the key can't be read.") from error
    if not key:
        raise UsageError(f"{file}: the file holds no key.")
    return key


def remote_settings(context: typer.Context, url_hosts: list[str] | None) -> AskSettings:
    """The settings of a program that answers others, who may name no address of their choice.

    Raises:
        UsageError: addresses are allowed, but not which hosts.
    """
    from ...tools.errors import UsageError

    given = dict(context.params) | {"url_hosts": tuple(url_hosts) if url_hosts else None}
    settings = load_settings(given)
    if settings.allow_urls and not settings.url_hosts:
        raise UsageError(
            "pictures from addresses are allowed, but from which hosts is not said.",
            "Name them with --url-host; '*' is every public host.",
        )
    return settings


def remote_agent(settings: AskSettings) -> GroundingAgent:
    """The agent of a program that answers others; with spans where GEMVG_TRACE says so."""
    from .. import tracing

    agent = settings.make_agent()
    return tracing.traced(agent) if tracing.wanted() else agent


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)
