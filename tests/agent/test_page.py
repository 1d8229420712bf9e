"""The page in a real Chromium: drop, ask, watch, boxes where they belong, errors said kindly."""

import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.agent.scripts import agent, answer, item, zoom
from tests.agent.serving import serving
from tests.shared import SHARED, needs_shared

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None and os.environ.get("CI") != "true",
        reason="Chromium is not installed; scripts/system_packages.sh installs it",
    ),
]

CAT, DOG = "000000358083.jpg", "000000377575.jpg"
SAID = [
    f"<think>Look closer at the left.</think>{zoom(1, (0, 0, 500, 500))}",
    answer(item(1, (100, 200, 500, 600), "cat"), item(2, (250, 500, 750, 1000), "<b>dog</b>")),
]
DROP = """async ([names, contents]) => {
  const data = new DataTransfer();
  names.forEach((name, n) => {
    const bytes = Uint8Array.from(atob(contents[n]), (c) => c.charCodeAt(0));
    data.items.add(new File([bytes], name, { type: name.endsWith(".txt") ? "text/plain" : "image/jpeg" }));
  });
  const target = document.getElementById("drop");
  for (const kind of ["dragenter", "dragover", "drop"]) {
    target.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}"""  # noqa: E501
PIXEL = """([n, x, y]) => {
  const canvas = document.querySelectorAll("figure canvas")[n];
  const scale = canvas.width / (n === 0 ? 640 : 426);
  const at = [x, y].map((value) => Math.round(value * scale));
  return [...canvas.getContext("2d").getImageData(...at, 1, 1).data].slice(0, 3);
}"""
RED, BLUE = (230, 57, 70), (29, 127, 226)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield made
        made.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    made = context.new_page()
    made.set_default_timeout(20_000)
    made.problems, made.asked = [], []
    made.on("pageerror", lambda error: made.problems.append(str(error)))
    made.on("console", lambda m: made.problems.append(m.text) if m.type == "error" else None)
    made.on("request", lambda request: made.asked.append(request.url))
    yield made
    context.close()


def drop(page, *files):
    import base64

    contents = [base64.b64encode(file.read_bytes()).decode() for file in files]
    page.evaluate(DROP, [[file.name for file in files], contents])
    page.locator("figure").nth(len(files) - 1).wait_for()


def photos():
    return [SHARED / "photos" / "images" / name for name in (CAT, DOG)]


def near(color, wanted, most=40):
    return all(abs(a - b) <= most for a, b in zip(color, wanted, strict=True))


@needs_shared
def test_two_photographs_are_asked_about_and_boxes_are_where_they_belong(page):
    with serving(agent(*SAID)) as server:
        page.goto(server.url)
        drop(page, *photos())
        page.fill("#query", "the cat and the dog")
        page.keyboard.press("Enter")
        page.wait_for_selector("#boxes tbody tr")
        # Picture 1 is 640 x 522: the box is (64, 104.4) to (320, 313.2); its edges are red.
        for x, y in ((64, 200), (320, 200), (192, 313.2), (250, 104.4)):
            assert near(page.evaluate(PIXEL, [0, x, y]), RED), (x, y)
        # Picture 2 is 426 x 640: (106.5, 320) to (319.5, 640); the second box's blue.
        for x, y in ((106.5, 500), (319.5, 500), (250, 320)):
            assert near(page.evaluate(PIXEL, [1, x, y]), BLUE), (x, y)
        for n, x, y in ((0, 500, 450), (0, 20, 20), (1, 50, 100)):
            assert not near(page.evaluate(PIXEL, [n, x, y]), (RED, BLUE)[n], 25)
        rows = page.locator("#boxes tbody tr")
        assert rows.nth(0).inner_text().split("\t")[3] == "64, 104, 320, 313"
        assert rows.nth(1).locator("td").nth(1).inner_text() == "<b>dog</b>"
        inside = page.evaluate(PIXEL, [0, 192, 250])
        rows.nth(0).hover()
        lit = page.evaluate(PIXEL, [0, 192, 250])
        assert lit != inside and "lit" in rows.nth(0).get_attribute("class")
        # The other way: pointing at a box lights its row.
        canvas = page.locator("figure canvas").nth(1)
        size = canvas.bounding_box()
        canvas.hover(position={"x": size["width"] * 0.5, "y": size["height"] * 0.75})
        assert "lit" in rows.nth(1).get_attribute("class")
        assert page.problems == [] and all(
            url.startswith((server.url, "blob:")) for url in page.asked
        )


@needs_shared
def test_steps_stream_and_a_step_shows_its_view(page):
    import threading

    release = threading.Event()

    async def say(request):
        import asyncio

        turn = sum(message.role == "assistant" for message in request.messages)
        while turn == 1 and not release.is_set():
            await asyncio.sleep(0.02)
        return SAID[turn]

    with serving(agent(say)) as server:
        page.goto(server.url)
        drop(page, *photos())
        page.fill("#query", "the cat")
        page.click("#submit")
        step = page.locator("#steps button")
        step.wait_for()
        # The step is there while the answer is not.
        assert page.locator("#result").is_hidden() and page.locator("#stop").is_visible()
        assert "Look closer" in page.locator("#steps").inner_text()
        step.click()
        shown = page.locator("#view canvas").get_attribute("data-window").split()
        assert page.locator("#view").is_visible()
        x1, y1, x2, y2 = (float(value) for value in shown)
        assert x1 == y1 == 0 and 320 <= x2 <= 360 and 261 <= y2 <= 300
        page.keyboard.press("Escape")
        assert page.locator("#view").is_hidden()
        release.set()
        page.wait_for_selector("#boxes tbody tr")
        assert page.problems == []


@needs_shared
def test_choices_are_sent_and_the_answer_can_be_saved(page, tmp_path):
    with serving(agent(*SAID)) as server:
        page.goto(server.url)
        drop(page, *photos())
        page.check("#modes input[value=think]")
        page.fill("#query", "the cat")
        page.click("#submit")
        page.wait_for_selector("#boxes tbody tr")
        with page.expect_download() as saved:
            page.click("#save-json")
        told = json.loads(Path(saved.value.path()).read_text())
        assert told["mode"]["asked"] == "think" and len(told["answer"]) == 2
        assert [image["source"] for image in told["images"]] == [CAT, DOG]
        with page.expect_download() as saved:
            page.click("#save-sheet")
        saved.value.save_as(tmp_path / "sheet.png")
        sheet = Image.open(tmp_path / "sheet.png").convert("RGB")
        colors = {color for _, color in sheet.getcolors(1 << 24)}
        assert sheet.width > 1500 and RED in colors and BLUE in colors
        page.uncheck("#tools input[value=zoom]")
        page.click("#submit")
        page.wait_for_selector("#steps button.failed")


def test_mistakes_and_failures_are_said_kindly(page, tmp_path):
    (tmp_path / "text.txt").write_text("no picture")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    Image.new("RGB", (40, 30)).save(tmp_path / "good.jpg")
    with serving(agent(*SAID)) as server:
        page.goto(server.url)
        page.fill("#query", "the cat")
        page.click("#submit")
        assert "Add a picture first" in page.inner_text("#error")
        drop(page, tmp_path / "good.jpg")
        page.evaluate("document.querySelector('#error').textContent = ''")
        page.set_input_files("#files", [tmp_path / "broken.jpg"])
        page.locator("figure").nth(1).wait_for()
        page.click("#submit")
        page.locator("#error", has_text="picture 2").wait_for()
        words = page.inner_text("#error")
        assert "not a picture that can be read" in words and "Traceback" not in words
        page.get_by_label("Remove picture 2").click()
    page.click("#submit")
    page.locator("#error", has_text="reached").wait_for()
    assert page.locator("#submit").is_enabled()


def test_the_key_is_asked_for(page, tmp_path):
    Image.new("RGB", (40, 30)).save(tmp_path / "good.jpg")
    key = "k" * 20
    with serving(agent(*SAID), key=key) as server:
        page.goto(server.url)
        drop(page, tmp_path / "good.jpg")
        page.fill("#query", "the cat")
        page.click("#submit")
        page.locator("#error", has_text="key").wait_for()
        assert page.evaluate("document.activeElement.id") == "key"
        page.fill("#key", key)
        page.keyboard.press("Enter")
        page.wait_for_selector("#boxes tbody tr")


@needs_shared
def test_everything_works_from_the_keyboard(page):
    with serving(agent(*SAID)) as server:
        page.goto(server.url)
        page.wait_for_selector("#tools input")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "files"
        page.set_input_files("#files", photos())
        page.keyboard.press("Tab")
        page.keyboard.type("the cat")
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.querySelector('#modes input:checked').value") == "think"
        page.locator("#query").focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("#boxes tbody tr")
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.tagName") == "TR":
                break
        assert "lit" in page.locator("#boxes tbody tr").first.get_attribute("class")
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.closest('#steps') !== null"):
                break
        page.keyboard.press("Enter")
        assert page.locator("#view").is_visible()


@needs_shared
def test_a_phone_shows_everything_without_scrolling_sideways(browser):
    context = browser.new_context(viewport={"width": 360, "height": 740}, device_scale_factor=2)
    page = context.new_page()
    with serving(agent(*SAID)) as server:
        page.goto(server.url)
        drop(page, *photos())
        page.fill("#query", "the cat and the dog")
        page.click("#submit")
        page.wait_for_selector("#boxes tbody tr")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        small = page.evaluate(
            "[...document.querySelectorAll('button, .chip')].filter(e => e.offsetParent)"
            ".filter(e => e.getBoundingClientRect().height < 32).map(e => e.textContent)"
        )
        assert small == []
        assert near(page.evaluate(PIXEL, [0, 64, 200]), RED)
    context.close()
