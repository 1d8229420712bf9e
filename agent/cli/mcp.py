"""`gemvg-agent mcp`: the agent and its tools for MCP clients."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import (
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
from .serve import KEY_VARIABLE, read_key, remote_agent

if TYPE_CHECKING:
    from mcp.server import Server

RootOption = Annotated[
    list[Path] | None,
    typer.Option("--root", metavar="DIR", help="A folder that may be read; may be repeated."),
]
HttpOption = Annotated[
    bool, typer.Option("--http", help="Serve over HTTP instead of standard input and output.")
]
HostOption = Annotated[str, typer.Option(help="With --http: where to listen.")]
PortOption = Annotated[int, typer.Option(help="With --http: where to listen.", min=1, max=65535)]
KeyFileOption = Annotated[
    Path | None,
    typer.Option(help=f"With --http: a file with the key to demand; or {KEY_VARIABLE}."),
]


def mcp(
    context: typer.Context,
    root: RootOption = None,
    http: HttpOption = False,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8322,
    key_file: KeyFileOption = None,
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
) -> None:
    """Offer ground, zoom, detect, match and compare to an MCP client.

    Over standard input and output unless --http is given. Pictures are read from the --root
    folders and from data URIs in calls; nothing else on this machine can be read.
    """
    from ...tools.errors import MissingDependency

    try:
        from ..mcp_server.roots import Roots
        from ..mcp_server.running import run_stdio
        from ..mcp_server.server import make_server
    except ModuleNotFoundError as error:
        raise MissingDependency(
            "the MCP SDK is not installed.", "pip install 'gemvg-agent[mcp]'"
        ) from error
    settings = load_settings(context.params)
    server = make_server(remote_agent(settings), Roots(root or []))
    if http:
        serve_http(server, host, port, key_file)
    else:
        import asyncio

        asyncio.run(run_stdio(server))


def serve_http(server: Server[Any], host: str, port: int, key_file: Path | None) -> None:
    """Serve over HTTP until it is told to stop; with a key where others can reach it."""
    from ..mcp_server.running import make_http_app, run_http
    from ..serve.running import check_exposure

    key = read_key(key_file, KEY_VARIABLE)
    check_exposure(host, key)
    run_http(make_http_app(server, host, key), host, port)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("mcp")(mcp)
