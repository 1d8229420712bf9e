"""The project's own form: packages named, one way of imports, sizes, docs that exist."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = ("tools", "policy", "agent", "training")
SOURCES = sorted(p for floor in FLOORS for p in (ROOT / floor).rglob("*.py"))


def test_every_folder_of_code_is_a_named_package():
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {
        "gemvg." + ".".join(p.parent.relative_to(ROOT).parts)
        for p in SOURCES
        if p.name == "__init__.py"
    }
    assert set(table["packages"]) == folders
    bare = {p.parent for p in SOURCES} - {p.parent for p in SOURCES if p.name == "__init__.py"}
    assert not bare


def imports(tree, package):
    """Floors that a module imports when it is imported itself, relative imports resolved."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = [*base, *(node.module or "").split(".")]
            yield [part for part in name if part]


@pytest.mark.parametrize("floor", FLOORS)
def test_imports_go_one_way(floor):
    above = FLOORS[FLOORS.index(floor) + 1 :]
    wrong = []
    for path in SOURCES:
        parts = list(path.relative_to(ROOT).parts)
        if parts[0] != floor:
            continue
        for name in imports(ast.parse(path.read_text()), parts[:-1]):
            lazily = floor == "agent" and parts[1] == "cli" and name[0] == "training"
            if name[0] in above and not lazily:
                wrong.append(f"{path.relative_to(ROOT)}: {'.'.join(name)}")
    assert not wrong


def test_the_command_line_imports_training_only_inside_functions():
    for path in (ROOT / "agent" / "cli").glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ImportFrom):
                assert "training" not in (node.module or ""), path.name


def test_files_and_functions_keep_their_size():
    long = [str(p) for p in SOURCES if p.read_text().count("\n") > 400]
    assert not long
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                # The body: a command's options stand in its signature, one a line.
                body = (node.end_lineno or 0) - node.body[0].lineno
                assert body < 60, f"{path}: {node.name}"
            assert not (isinstance(node, ast.ExceptHandler) and node.type is None), path


LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda p: p.name
)
def test_links_of_the_docs_lead_somewhere(page):
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target}"
