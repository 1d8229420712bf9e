"""`gemvg-agent doctor`: what is installed, what will be used, what is missing."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what is installed, what will be used, what is missing and how to get it.

    Exit code: 0 when a question could be answered with the present settings, else 1.
    """
    from ...tools.text import clean_text
    from ..doctor import examine, healthy
    from .process import write_json

    findings = examine()
    fine = healthy(findings)
    if as_json:
        records = [finding.as_record() for finding in findings]
        write_json(json.dumps({"healthy": fine, "findings": records}, ensure_ascii=False))
        raise typer.Exit(0 if fine else 1)
    width = max(len(finding.what) for finding in findings)
    marks = {"ok": "ok", "missing": "MISSING", "note": "-"}
    for finding in findings:
        # Settings and names of files stand in them, which may be a stranger's.
        print(f"{marks[finding.state]:<8}{finding.what:<{width}}  {clean_text(finding.detail)}")
        if finding.cure:
            print(f"{'':<8}{'':<{width}}  -> {clean_text(finding.cure)}")
    raise typer.Exit(0 if fine else 1)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)
