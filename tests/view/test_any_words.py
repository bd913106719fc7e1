"""The page with the shipped generator, in headless Chromium: what is typed is applied when Enter is pressed."""

import pytest
from chromium_page import Tab, difference, start, wait

from clipface.view.__main__ import parse, serve

pytest.importorskip("viser", reason="viser is missing: pip install -e '.[view]'")


@pytest.fixture
def address(tmp_path):
    running, services, address = serve(parse(["--port", "0", "--runs", str(tmp_path / "runs")]))
    yield address
    services.training.close()
    running.stop()


def test_words_that_nobody_trained_for_are_applied_and_unreadable_ones_are_named(address, tmp_path):
    driver = start(tmp_path)
    try:
        tab = Tab(driver, address)
        first = tab.settled()
        tab.open("Edit")
        tab.type("Prompt", "a pale witch, slightly smiling")
        wait(lambda: tab.has("Face 0 with a pale witch, slightly smiling × 1.00"), "the summary")
        # The encoder that reads the words is loaded first.
        wait(lambda: difference(tab.image(), first) > 1, "another image", 60)
        wait(lambda: tab.has("applied at once"), "what was done")
        edited = tab.settled()
        tab.type("Prompt", "зомби")
        wait(lambda: tab.has("reads Latin letters only"), "what is wrong with the words")
        tab.dismiss()
        assert tab.has("Face 0 with a pale witch") and (tab.settled() != edited).mean() < 0.01
        tab.press("Undo")
        wait(lambda: tab.has("Face 0 unedited"), "the face as it was")
    finally:
        driver.quit()
