"""Film the editor's page in headless Chromium: words, a look, a layer's strength and region, motion, light.

python scripts/sheets/editor.py                              docs/viewer.mp4
python scripts/sheets/editor.py --out my_film.mp4 --rate 15

It needs selenium, Chromium and chromedriver (Debian: apt-get install chromium chromium-driver).
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clipface import startup

if TYPE_CHECKING:
    from editor_film.hand import Hand

SIZE = 1400, 900  # pixels of the window
FLAGS = ("--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
WORDS = "an old man with a beard, smiling"
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


def visit(hand: "Hand") -> None:
    """What is filmed."""
    time.sleep(1.0)
    hand.write("Prompt", WORDS)
    hand.wait("applied at once")
    time.sleep(1.5)
    hand.click(hand.row("Keep and edit on", "input[@type='checkbox']"))
    hand.button("Choose a look …")
    time.sleep(1.2)
    hand.tile(0)
    time.sleep(1.2)
    hand.slide("Strength", 1, -30, 15)
    time.sleep(0.5)
    hand.choose("Region", "forehead", 1)
    time.sleep(1.2)
    hand.button("Close the looks")
    hand.tab("Motion")
    hand.choose("Motion", "talking")
    hand.button("Play")
    time.sleep(4.0)
    hand.button("Stop")
    hand.tab("View")
    hand.choose("Light", "left")
    time.sleep(0.8)
    hand.choose("Light", "studio")
    hand.choose("Backdrop", "dark")
    hand.turn(170, -340, 170)
    time.sleep(1.0)


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

    chrome = webdriver.ChromeOptions()
    for flag in (*FLAGS, f"--window-size={SIZE[0]},{SIZE[1]}"):
        chrome.add_argument(flag)
    with tempfile.TemporaryDirectory() as folder:
        running, services, address = serve(parse_editor(["--port", "0", "--runs", folder]))
        driver = webdriver.Chrome(options=chrome)
        hand = Hand(driver)
        try:
            warm(hand, address)
            driver.get(address)
            hand.wait("unedited")
            time.sleep(3)
            driver.execute_script(POINTER)
            recorder = Recorder(driver)
            visit(hand)
            seconds = recorder.stop()
        finally:
            driver.quit()
            services.close()
            stop(running, services.workers)
    recorder.write(options.out, seconds, options.rate, options.quality)
    size = options.out.stat().st_size / 1e6
    print(f"{options.out}: {seconds:.0f} s, {len(recorder.frames)} images, {size:.2f} MB")


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
