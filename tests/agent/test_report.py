"""Reports: one file, everything in it, nothing of a model's words taken for markup."""

import json
import os
import re
import shutil

import pytest
from PIL import Image

from gemvg.agent.cli import main as cli
from gemvg.agent.report import write_report
from gemvg.tools.errors import DataError, OutputError

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
EVIL = '</script><script>window.hurt=1</script><img src=x onerror="window.hurt=1">&amp;'


def result(number, source="p.jpg", size=(200, 100), **fields):
    width, height = size
    return {
        "custom_id": f"q{number}",
        "key": "0" * 64,
        "query": f"every dog {number}",
        "images": [{"index": 1, "source": source, "width": width, "height": height}],
        "status": "ok",
        "answer": [{"image": 1, "box": [10, 20, 60, 80], "label": "dog"}],
        "mode": {"asked": "auto", "used": "direct", "why": "asked for"},
        "steps": [
            {"tool": "detect", "arguments": {"labels": ["dog"]}, "ok": True, "summary": "dog: 1"}
            | {"seconds": 0.1}
        ],
        "policy": {"name": "p", "backend": "b", "dialect": "d", "coordinates": "c"},
    } | fields


def write(folder, rows, errors=()):
    Image.new("RGB", (200, 100), "red").save(folder / "p.jpg")
    path = folder / "out.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    if errors:
        (folder / "out.errors.jsonl").write_text("".join(json.dumps(e) + "\n" for e in errors))
    return path


def data_of(page):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(found.group(1))


def test_everything_stands_in_it(tmp_path):
    none = result(2, status="none", answer=[], reasoning="looked everywhere")
    error = {"custom_id": None, "key": "x", "line": 3, "kind": "data", "message": "not JSON."}
    path = write(tmp_path, [result(1), none], [error])
    target = tmp_path / "r.html"
    write_report(path, target)
    page = target.read_text()
    data = data_of(page)
    assert dict(data["statuses"]) == {"ok": 1, "none": 1, "error": 1}
    first, second, third = data["lines"]
    assert first["boxes"] == [[1, 10, 20, 60, 80, "dog", None, None]]
    assert first["steps"] == [["detect", '{"labels": ["dog"]}', True, "dog: 1"]]
    assert second["reasoning"] == "looked everywhere"
    assert third["error"] == "line 3, data: not JSON."
    assert len(data["pictures"]) == 1 and data["pictures"][0]["data"]
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")


def test_words_of_a_model_stay_words(tmp_path):
    row = result(1, query=EVIL, text=EVIL, reasoning=EVIL)
    row["answer"][0]["label"] = EVIL
    target = tmp_path / "r.html"
    write_report(write(tmp_path, [row]), target, title=EVIL)
    page = target.read_text()
    assert page.count("<script") == 2 and "<img" not in page
    assert data_of(page)["lines"][0]["query"] == EVIL


def test_another_picture_of_the_name_is_not_shown(tmp_path):
    path = write(tmp_path, [result(1, size=(300, 100)), result(2, source="gone.jpg")])
    target = tmp_path / "r.html"
    write_report(path, target)
    assert [p["data"] for p in data_of(target.read_text())["pictures"]] == [None, None]


def test_thumbnails_are_bounded(tmp_path):
    rows = [result(n, source=f"{n}.jpg") for n in range(6)]
    path = write(tmp_path, rows)
    for n in range(6):
        Image.new("RGB", (200, 100)).save(tmp_path / f"{n}.jpg")
    target = tmp_path / "r.html"
    write_report(path, target, thumbnails=4)
    shown = [p["data"] is not None for p in data_of(target.read_text())["pictures"]]
    assert shown == [True] * 4 + [False] * 2


def test_command_line_and_errors(tmp_path, capsys):
    path = write(tmp_path, [result(1)])
    assert cli.run(["report", str(path)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "out.html")
    assert cli.run(["report", str(tmp_path / "none.jsonl")]) == 2
    before = path.read_bytes()
    assert cli.run(["report", str(path), "-o", f"{tmp_path}/./out.jsonl"]) == 2
    assert path.read_bytes() == before
    path.write_bytes(before[:-1])
    assert len(write_report(path, tmp_path / "r.html").lines) == 1
    with pytest.raises(OutputError):
        write_report(path, tmp_path / "out.jsonl" / "x.html")
    (tmp_path / "bad.jsonl").write_text("{}\n")
    with pytest.raises(DataError, match="line 1"):
        write_report(tmp_path / "bad.jsonl", tmp_path / "b.html")


@pytest.mark.slow
@pytest.mark.browser
def test_ten_thousand_lines_in_a_browser(tmp_path):
    """The page holds the rows in sight only, filters all lines, and runs no model's markup."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None and os.environ.get("CI") != "true":
        pytest.skip("Chromium is not installed; scripts/system_packages.sh installs it")
    rows = [result(n, status="none" if n % 10 == 0 else "ok") for n in range(10_000)]
    rows[1234]["query"] = EVIL
    target = tmp_path / "r.html"
    write_report(write(tmp_path, rows), target)
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(
            executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        problems = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        page.goto(target.as_uri())
        page.wait_for_selector(".row")
        assert page.locator(".row").count() < 100
        assert page.locator("#shown").inner_text() == "10,000 of 10,000 lines"
        assert page.locator("#detail figure image").count() == 1
        assert page.locator("#detail rect").count() == 1
        page.locator("#statuses button", has_text="none").click()
        assert page.locator("#shown").inner_text().startswith("1,000 of")
        page.locator("#statuses button", has_text="none").click()
        page.fill("#words", "onerror")
        playwright.expect(page.locator("#shown")).to_have_text("1 of 10,000 lines")
        assert page.locator("#detail h2").inner_text().startswith("</script>")
        page.fill("#words", "")
        playwright.expect(page.locator("#shown")).to_have_text("10,000 of 10,000 lines")
        page.evaluate("document.getElementById('list').scrollTop = 5000 * 44")
        playwright.expect(page.locator(".row", has_text="q5000 ")).to_have_count(1)
        assert page.locator(".row").count() < 100
        page.locator("#list").press("ArrowDown")
        assert page.evaluate("window.hurt") is None
        assert problems == []
        browser.close()
