"""`gemvg-agent`: the table of commands and the one place where errors become exit codes."""

from __future__ import annotations

import sys
from importlib import import_module

import typer
from typer.exceptions import TyperException

from ...tools.errors import GemvgError
from .process import drop_unwritten, end, prepare_streams, reader_gone, say

COMMANDS = {
    "ask": "Ask one question about some pictures; get boxes.",
    "batch": "Answer every line of a file; go on where it ended.",
    "export": "Write results as COCO, YOLO, LabelMe, Label Studio, CVAT, CSV, Parquet.",
    "report": "Show results on one HTML page: counts, filters, pictures, steps.",
    "eval": "Run and score benchmarks; compare runs.",
    "data": "Build, look at, check and export training data.",
    "train": "Train a policy: supervised or hybrid reinforcement finetuning.",
    "calibrate": "Fit, on labelled questions, when a direct answer is thought over.",
    "serve": "Answer questions over HTTP, with a page.",
    "mcp": "Offer the agent and its tools to an MCP client.",
    "doctor": "Say what is installed, what will be used, what is missing.",
    "policies": "List the policies that can be named, and what each needs.",
    "weights": "Weights of the detectors: list, pull, verify.",
}
"""Modules of this folder with a `register(app)`, in the order of `--help`, and what each is for.

Only the command that is run is loaded; the words stand here so that help costs no imports.
"""

FAILED, WRONG_USAGE, INTERRUPTED = 1, 2, 130


def make_app(*names: str) -> typer.Typer:
    """The program with these commands loaded and the others named only; all where none is given."""
    app = typer.Typer(
        name="gemvg-agent",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback(invoke_without_command=True)(_top)
    for name, words in COMMANDS.items():
        if name in names or not names:
            import_module(f".{name}", __package__).register(app)
        else:
            app.command(name, help=words)(_unloaded)
    return app


def _top(
    version: bool = typer.Option(False, "--version", help="Print the version and end."),
) -> None:
    """Ask about several pictures; get boxes in the right ones."""
    if version:
        from .. import __version__

        print(f"gemvg-agent {__version__}")
        raise typer.Exit


def _unloaded() -> None:
    """Stands in help for a command that was not asked for."""


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr, never a traceback."""
    prepare_streams()
    end(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code: 0 answered, 1 failed, 2 wrong usage."""
    try:
        named = next((a for a in arguments if not a.startswith("-")), "")
        app = make_app(named if named in COMMANDS else "-")
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
        return reader_gone()
    except OSError as error:
        drop_unwritten()
        return _say(_io_words(error), FAILED)
    except SystemExit as ended:
        # Typer makes a reader that has gone an exit of its own, with code 1.
        if isinstance(ended.__context__, BrokenPipeError):
            return reader_gone()
        raise


def _io_words(error: OSError) -> str:
    """What the system refused, in one line; the file is named where it is known."""
    what = f"{error.filename}: " if error.filename else ""
    reason = (error.strerror or type(error).__name__).lower()
    return f"{what}reading or writing failed ({reason}). Check the disk's room and your rights."


def _say(message: str, code: int) -> int:
    say(message)
    return code


if __name__ == "__main__":
    main()
