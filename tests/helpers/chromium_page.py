"""Drives the editor's page in headless Chromium, through what is written on it."""

import io
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipface.view.screen.gallery import Grid

MESSAGES = 250  # pixels at the top, where messages appear
WINDOW = (1100, 620)
AT_REST = 0.5  # seconds without a change
SAME = 0.2  # mean difference, of 255
OPTIONS = "fixedDpr=1"  # of viser: else its canvas has more or fewer pixels, as the machine keeps up
# WebGL by the CPU, and tabs in the background that are not slowed down.
FLAGS = (
    "--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--disable-dev-shm-usage", "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
)  # fmt: skip
SHORT_OF = {"chromium": "chromium", "driver": "chromium-driver"}  # Debian's packages


def start(downloads: Path, window: tuple[int, int] = WINDOW):
    """Start Chromium; skips the test if it, its driver or selenium is missing."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is missing: pip install selenium")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    for name, path in (("chromium", chromium), ("driver", driver)):
        if path is None:
            pytest.skip(f"{name} is missing: apt-get install {SHORT_OF[name]}")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--window-size={window[0]},{window[1]}"):
        options.add_argument(flag)
    several = {"profile.default_content_setting_values.automatic_downloads": 1}
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads), **several})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


class Tab:
    """One tab of the browser with the editor's page in it."""

    def __init__(self, driver, address: str, new: bool = False) -> None:
        """Open the page and wait until a head is to be seen."""
        self.driver = driver
        if new:
            driver.switch_to.new_window("tab")
        driver.get(f"{address}{'&' if '?' in address else '?'}{OPTIONS}")
        self.handle = driver.current_window_handle
        self.wait_for_head()

    def focus(self) -> "Tab":
        """Bring it to the front."""
        self.driver.switch_to.window(self.handle)
        return self

    def reload(self) -> None:
        """Load the page again."""
        self.driver.refresh()
        self.wait_for_head()

    def wait_for_head(self) -> None:
        """Wait until a head and the panel are there."""
        wait(lambda: self.has("Prompt") and (self.image() < 200).any(-1).mean() > 0.02, "a head", 25)
        self.settled()

    def has(self, words: str) -> bool:
        """Whether these words are on the page."""
        return words in self.driver.execute_script("return document.body.innerText")

    def open(self, title: str) -> None:
        """Open a tab of the panel."""
        self._all(f"//*[@role='tab' and @title={_quoted(title)}]")[0].click()

    def press(self, label: str, number: int = -1) -> None:
        """Press a button; of several with this label one by its number, else the last."""
        button = self._all(f"//button[normalize-space(.)={_quoted(label)}]")[number]
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()

    def unfold(self, title: str) -> None:
        """Open a folder of widgets."""
        self._all(f"//*[normalize-space(text())={_quoted(title)}]")[-1].click()

    def upload(self, label: str, file: Path) -> None:
        """Give a button a file."""
        button = self._all(f"//button[normalize-space(.)={_quoted(label)}]")[-1]
        button.find_element("xpath", "./preceding::input[@type='file'][1]").send_keys(str(file))

    def links(self, words: str) -> list[str]:
        """Addresses of the links that say so."""
        return [one.get_attribute("href") for one in self._all(f"//a[normalize-space(.)={_quoted(words)}]")]

    def dismiss(self) -> None:
        """Close all messages."""
        for button in self.driver.find_elements("css selector", ".mantine-Notification-closeButton"):
            self.driver.execute_script("arguments[0].click()", button)
        wait(lambda: not self.driver.find_elements("css selector", ".mantine-Notification-root"), "messages' end")

    def slide(self, label: str, keys: str) -> None:
        """Press arrow keys on a slider."""
        self.row(label).find_element("css selector", "[role=slider]").send_keys(keys)

    def drag(self, pixels: int) -> None:
        """Turn the head by moving the pointer to the right with its button held."""
        from selenium.webdriver import ActionChains

        canvas = self.driver.execute_script(f"return {CANVAS}")
        ActionChains(self.driver).drag_and_drop_by_offset(canvas, pixels, 0).perform()

    def click_tile(self, number: int) -> None:
        """Click on a small image of the gallery that lies in the view, by its number on the page."""
        from selenium.webdriver import ActionChains

        size = self.canvas_size()
        grid, canvas = Grid.of(size), self.driver.execute_script(f"return {CANVAS}")
        (top, left), shown = grid.corner(number), canvas.size["width"] / size[1]
        x, y = ((edge + grid.side / 2 - side / 2) * shown for edge, side in zip((left, top), size[::-1], strict=True))
        ActionChains(self.driver).move_to_element_with_offset(canvas, round(x), round(y)).click().perform()

    def scroll(self, pixels: int) -> None:
        """Turn the wheel over the image: upwards is negative and comes closer."""
        from selenium.webdriver import ActionChains
        from selenium.webdriver.common.actions.wheel_input import ScrollOrigin

        canvas = self.driver.execute_script(f"return {CANVAS}")
        ActionChains(self.driver).scroll_from_origin(ScrollOrigin.from_element(canvas), 0, pixels).perform()

    def canvas_size(self) -> tuple[int, int]:
        """Height and width of the canvas, device pixels."""
        return tuple(self.driver.execute_script(f"return [{CANVAS}.height, {CANVAS}.width]"))

    def value(self, label: str) -> float:
        """Where a slider stands."""
        slider = self.row(label).find_element("css selector", "[role=slider]")
        return float(slider.get_attribute("aria-valuenow"))

    def field(self, label: str):
        """The field of a text or a choice."""
        return self.row(label).find_element("css selector", "input:not([type=hidden])")

    def type(self, label: str, words: str) -> None:
        """Write into a field what it then holds."""
        field = self.field(label)
        field.send_keys("\ue009a\ue000")  # control and a
        # Nobody types all letters within viser's 50 ms, of which it would send the first alone.
        for part in (words[:1], words[1:], "\ue007"):
            field.send_keys(part)
            time.sleep(0.3)

    def choose(self, label: str, option: str) -> None:
        """Choose from a list."""
        self.field(label).click()
        path = f"//*[@role='option' and normalize-space(.)={_quoted(option)}]"
        wait(lambda: [one for one in self._all(path) if one.is_displayed()], f"the choice {option}")
        next(one for one in self._all(path) if one.is_displayed()).click()

    def tick(self, label: str, number: int = 0) -> None:
        """Tick a box, or take its tick away; of several with this label one by its number."""
        box = self.row(label, number).find_element("css selector", "input[type=checkbox]")
        self.driver.execute_script("arguments[0].click()", box)

    def image(self) -> np.ndarray:
        """What is shown beside the panel and below messages: [H, W, 3] uint8."""
        width = self.driver.execute_script(_WIDTH)
        shown = Image.open(io.BytesIO(self.driver.get_screenshot_as_png())).convert("RGB")
        return np.asarray(shown)[MESSAGES:, : int(width) - 10]

    def settled(self) -> np.ndarray:
        """The image once it no longer changes, which it does once more when it has come to rest."""
        last = self.image()
        for _ in range(40):
            time.sleep(AT_REST)
            now = self.image()
            if np.array_equal(last, now):
                return now
            last = now
        raise AssertionError("the image does not come to rest")

    def changed(self, before: np.ndarray) -> float:
        """Wait until the image is another one; returns the seconds that it took."""
        start = time.perf_counter()
        wait(lambda: difference(self.image(), before) > SAME, "another image", 10, 0.0)
        return time.perf_counter() - start

    def row(self, label: str, number: int = 0):
        """A widget with its label; of several one by its number."""
        return self._all(f"//label[normalize-space(.)={_quoted(label)}]/../../..")[number]

    def _all(self, path: str) -> list:
        return self.driver.find_elements("xpath", path)


CANVAS = "[...document.querySelectorAll('canvas')].sort((a, b) => b.width - a.width)[0]"
_WIDTH = f"return {CANVAS}.clientWidth"

def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Mean absolute difference of two images, of 255."""
    return float(np.abs(one.astype(float) - other).mean())


def wait(condition: Callable[[], object], what: str, seconds: float = 15.0, pause: float = 0.05) -> None:
    """Wait for a condition, or fail."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} has not come within {seconds:g} s"
        time.sleep(pause)


def _quoted(words: str) -> str:
    return f"'{words}'" if "'" not in words else f'"{words}"'
