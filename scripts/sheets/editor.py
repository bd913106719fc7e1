"""Film the editor's page in headless Chromium: words, a look, a layer's strength and region, motion, light.

python scripts/sheets/editor.py
python scripts/sheets/editor.py --out my_film.mp4 --rate 15
python scripts/sheets/editor.py --quality 23

What a visitor waits for is cut to a tenth of a second. Beside the film go two images of it, viewer_edit.png and
viewer_looks.jpg. It needs selenium, Chromium and chromedriver (Debian: apt-get
install chromium chromium-driver).
"""

import argparse
import io
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from clipface import startup

if TYPE_CHECKING:
    from editor_film.hand import Hand

SIZE = 1400, 900  # pixels of the page
FLAGS = ("--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
WORDS = "an old man with a beard, smiling"
JPEG_QUALITY = 85
OPTIONS = "fixedDpr=1"  # of viser: as many pixels as the window has, however slow the machine is
# Takes away viser's word that WebGL is drawn by the CPU.
NO_MESSAGES = "document.querySelectorAll('.mantine-Notification-closeButton').forEach((one) => one.click())"
# An arrow where the pointer is, which headless Chromium does not draw.
POINTER = """
const arrow = document.createElement('div');
arrow.innerHTML = '<svg width="22" height="30"><path d="M2 2 L2 23 L7.5 18 L11.5 27 L15 25.5 L11 16.5 L18.5 16 Z" '
  + 'fill="black" stroke="white" stroke-width="1.6"/></svg>';
arrow.style.cssText = 'position:fixed;left:500px;top:560px;z-index:99999;pointer-events:none';
document.body.append(arrow);
document.addEventListener('pointermove', (e) => {
  arrow.style.left = e.clientX - 2 + 'px'; arrow.style.top = e.clientY - 2 + 'px';
}, true);
"""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/viewer.mp4"))
    parser.add_argument("--rate", type=float, default=12, help="frames a second")
    parser.add_argument("--quality", type=int, default=27, help="x264's, 0 (best) to 51")
    return parser.parse_args(arguments)


def visit(hand: "Hand", rest: Callable[[float], None], keep: Callable[[str], None]) -> None:
    """What is filmed; `rest` lets the spectator look, `keep` writes an image."""
    rest(1.0)
    hand.write("Prompt", WORDS)
    hand.wait("applied at once")
    rest(2.0)
    keep("viewer_edit.png")
    hand.click(hand.row("Keep and edit on", "input[@type='checkbox']"))
    hand.button("Choose a look …")
    rest(1.2)
    hand.tile(3)
    rest(1.2)
    keep("viewer_looks.jpg")
    hand.slide("Strength", 1, -30, 15)
    rest(1.0)
    hand.choose("Region", "forehead", 1)
    rest(1.5)
    hand.button("Close the looks")
    hand.tab("Motion")
    hand.choose("Motion", "talking")
    hand.button("Play")
    time.sleep(6.0)
    hand.button("Stop")
    hand.tab("View")
    hand.choose("Light", "left")
    rest(1.2)
    hand.choose("Light", "studio")
    hand.choose("Backdrop", "dark")
    rest(1.0)
    hand.turn(170, -340, 170)
    rest(1.0)


def keep_image(driver: Any, path: Path) -> None:
    """Write what the page shows."""
    image = Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB")
    image.save(path, quality=JPEG_QUALITY, optimize=True)


def warm(hand: "Hand", address: str) -> None:
    """Have the editor load in another session what it loads once: the text encoder, looks, their small images."""
    hand.driver.get(address)
    hand.wait("unedited")
    hand.write("Prompt", WORDS)
    hand.wait("applied at once")
    hand.button("Choose a look …")
    time.sleep(15)


def main(arguments: Sequence[str] | None = None) -> None:
    """Start an editor, visit it, and write the film."""
    options = parse(arguments)
    startup.announce(f"Film the editor for {options.out}")
    startup.need("selenium", "selenium drives the browser: pip install selenium")
    from editor_film.hand import Hand
    from editor_film.recorder import Recorder
    from selenium import webdriver

    from clipface.view.__main__ import parse as parse_editor
    from clipface.view.__main__ import serve
    from clipface.view.server.start import stop

    found = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    if None in found.values():
        raise FileNotFoundError("chromium, chromedriver: expected both, got none; apt-get install chromium-driver")
    chrome = webdriver.ChromeOptions()
    chrome.binary_location = found["chromium"]
    for flag in (*FLAGS, f"--window-size={SIZE[0]},{SIZE[1]}"):
        chrome.add_argument(flag)
    with tempfile.TemporaryDirectory() as folder:
        running, services, address = serve(parse_editor(["--port", "0", "--runs", folder]))
        address = f"{address}?{OPTIONS}"
        driver = webdriver.Chrome(options=chrome, service=webdriver.ChromeService(found["chromedriver"]))
        bar = SIZE[1] - driver.execute_script("return innerHeight")
        driver.set_window_size(SIZE[0], SIZE[1] + bar)
        hand = Hand(driver)
        try:
            warm(hand, address)
            driver.get(address)
            hand.wait("unedited")
            time.sleep(3)
            driver.execute_script(NO_MESSAGES)
            time.sleep(1)  # they fade
            driver.execute_script(POINTER)
            recorder = Recorder(driver)
            visit(hand, recorder.rest, lambda name: keep_image(driver, options.out.parent / name))
            recorder.stop()
        finally:
            driver.quit()
            services.close()
            stop(running, services.workers)
    seconds = recorder.write(options.out, options.rate, options.quality)
    size = options.out.stat().st_size / 1e6
    print(f"{options.out}: {seconds:.0f} s, {len(recorder.frames)} images, {size:.2f} MB")


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
