"""`gemvg-agent`: the table of commands and the one place where errors become exit codes."""

from __future__ import annotations

import contextlib
import os
import sys
from importlib import import_module

import typer
from typer.exceptions import TyperException

from ...tools.errors import GemvgError

COMMANDS = (
    "ask",
    "eval",
    "doctor",
    "policies",
    "weights",
)
"""Modules of this folder, in the order of `--help`; each has `register(app)`."""

FAILED, WRONG_USAGE, INTERRUPTED = 1, 2, 130

app = typer.Typer(
    name="gemvg-agent",
    help="Ask about several pictures; get boxes in the right ones.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback(invoke_without_command=True)
def top(
    version: bool = typer.Option(False, "--version", help="Print the version and end."),
) -> None:
    """Ask about several pictures; get boxes in the right ones."""
    if version:
        from .. import __version__

        print(f"gemvg-agent {__version__}")
        raise typer.Exit


for _name in COMMANDS:
    import_module(f".{_name}", __package__).register(app)


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            # A label in a script that the terminal can't write must not end the program.
            stream.reconfigure(errors="replace")  # pyright: ignore[reportAttributeAccessIssue]
    raise SystemExit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code: 0 answered, 1 failed, 2 wrong usage."""
    try:
        code = app(args=arguments, prog_name="gemvg-agent", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except GemvgError as error:
        return _say(str(error), error.exit_code)
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error.format_message())
            return WRONG_USAGE
        return _say(error.format_message(), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _say("stopped.", INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone (`| head`); that is no failure of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _say(message: str, code: int) -> int:
    print(f"gemvg-agent: {' '.join(message.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
