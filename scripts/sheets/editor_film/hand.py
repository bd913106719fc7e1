"""A visitor of the editor's page in headless Chromium who moves slowly enough to be followed."""

import time
from typing import Any

LETTERS = 4  # typed at once
PATIENCE = 400.0  # seconds
STEP = 50  # milliseconds of each of a dragged pointer's steps


class Hand:
    """A visitor who moves slowly enough to be followed."""

    def __init__(self, driver: Any) -> None:
        """Args: driver: of the browser."""
        self.driver = driver

    def find(self, path: str, number: int = 0) -> Any:
        """The element at an XPath, once it is there."""
        end = time.monotonic() + PATIENCE
        while len(found := [one for one in self.driver.find_elements("xpath", path) if one.is_displayed()]) <= number:
            if time.monotonic() > end:
                raise TimeoutError(f"page: expected {path}, which has not come within {PATIENCE:g} s")
            time.sleep(0.05)
        return found[number]

    def wait(self, words: str) -> None:
        """Wait until words are on the page."""
        self.find(f"//*[contains(normalize-space(.), '{words}')]")

    def to(self, element: Any, x: float = 0.0, y: float = 0.0, seconds: float = 0.35) -> Any:
        """Move to a place in an element, pixels from its middle; returns selenium's chain of quick actions."""
        from selenium.webdriver import ActionChains

        chain = ActionChains(self.driver, duration=int(1000 * seconds))
        chain.move_to_element_with_offset(element, int(x), int(y)).perform()
        return ActionChains(self.driver, duration=STEP)

    def click(self, element: Any, x: float = 0.0, y: float = 0.0) -> None:
        """Move there and click."""
        self.to(element, x, y).click().perform()

    def row(self, label: str, inside: str, number: int = 0) -> Any:
        """A part of the widget with a label."""
        return self.find(f"//label[normalize-space(.)='{label}']/../../..//{inside}", number)

    def button(self, label: str) -> None:
        """Press a button."""
        self.click(self.find(f"//button[normalize-space(.)='{label}']"))

    def tab(self, title: str) -> None:
        """Open a tab of the panel."""
        self.click(self.find(f"//*[@role='tab' and @title='{title}']"))

    def choose(self, label: str, option: str, number: int = 0) -> None:
        """Choose from a list."""
        self.click(self.row(label, "input[not(@type='hidden')]", number))
        self.click(self.find(f"//*[@role='option' and normalize-space(.)='{option}']"))

    def write(self, label: str, words: str) -> None:
        """Type words and Enter."""
        field = self.row(label, "input[not(@type='hidden')]")
        self.click(field)
        for start in range(0, len(words), LETTERS):
            field.send_keys(words[start : start + LETTERS])
            time.sleep(0.15)
        field.send_keys("\ue007")
        self.to(self.canvas())  # else the field's hint stays and lies on the tabs

    def slide(self, label: str, number: int, *pixels: float) -> None:
        """Drag a slider's knob by so many pixels, one after the other."""
        knob = self.row(label, "*[@role='slider']", number)
        chain = self.to(knob).click_and_hold()
        for step in pixels:
            for _ in range(10):
                chain.move_by_offset(int(step / 10), 0)
        chain.release().perform()

    def canvas(self) -> Any:
        """The view."""
        script = "return [...document.querySelectorAll('canvas')].sort((a, b) => b.width - a.width)[0]"
        return self.driver.execute_script(script)

    def tile(self, number: int) -> None:
        """Click on a small image of the gallery."""
        from clipface.view.screen.gallery import Grid

        canvas = self.canvas()
        width, height = canvas.size["width"], canvas.size["height"]
        grid = Grid.of((height, width))
        top, left = grid.corner(number)
        self.click(canvas, left + grid.side / 2 - width / 2, top + grid.side / 2 - height / 2)

    def turn(self, *pixels: float) -> None:
        """Drag the head to the right by so many pixels, one after the other."""
        chain = self.to(self.canvas()).click_and_hold()
        for step in pixels:
            for _ in range(12):
                chain.move_by_offset(int(step / 12), 0)
        chain.release().perform()
