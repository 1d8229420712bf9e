"""`gemvg-agent`: the table of commands and the one place where errors become exit codes."""

from __future__ import annotations

import sys

import typer

from ...tools.errors import GemvgError

app = typer.Typer(
    name="gemvg-agent",
    help="Ask about several pictures; get boxes in the right ones.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr, never a traceback."""
    try:
        app()
    except GemvgError as error:
        print(f"gemvg-agent: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None


if __name__ == "__main__":
    main()
