"""Makes docs/page.png: the page in Chromium with two photographs and a real question.

    python scripts/page_screenshot.py PICTURE PICTURE OUT.png [QUESTION]

Needs Chromium and the detector's weights. The first question only warms the detector.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from gemvg.agent import GroundingAgent
from tests.agent.serving import serving


def main() -> None:
    """Serve, ask twice, save."""
    first, second, out = sys.argv[1:4]
    question = sys.argv[4] if len(sys.argv) > 4 else "every cat and dog"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright, serving(GroundingAgent()) as server:
        browser = playwright.chromium.launch(executable_path=browser_path, args=flags)
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        page.set_default_timeout(180_000)
        page.goto(server.url)
        page.set_input_files("#files", [first, second])
        page.fill("#query", question)
        for _ in range(2):
            page.click("#submit:enabled")
            page.get_by_text("Done.", exact=True).wait_for()
        page.locator("#boxes tbody tr").first.hover()
        page.evaluate("window.scrollTo(0, 0)")
        page.screenshot(path=out, full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
