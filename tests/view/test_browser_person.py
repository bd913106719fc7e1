"""The page in headless Chromium with somebody's own face."""

import numpy as np
import pytest
from chromium_page import Tab, difference, start, wait
from tiny_person import checked_person

from clipface.view.__main__ import parse, serve

pytest.importorskip("viser", reason="viser is missing: pip install -e '.[view]'")

SIZE = 64


@pytest.fixture
def address(data, runs, engine, tmp_path):
    person = checked_person(engine.avatar, SIZE).save(tmp_path / "me.person.safetensors")
    given = ["--port", "0", "--runs", str(runs), "--generator", str(data / "generator.safetensors")]
    running, services, address = serve(parse([*given, "--person", str(person)]))
    yield address
    services.training.close()
    running.stop()


def test_the_page_starts_with_the_person_who_is_edited_and_taken_away(address, tmp_path):
    (downloads := tmp_path / "downloads").mkdir()
    driver = start(downloads)
    try:
        tab = Tab(driver, address)
        tab.open("View")
        tab.choose("Light", "as painted")
        tab.choose("Backdrop", "white")
        wait(lambda: np.median(tab.image()[:20]) > 254, "white")
        own = tab.settled()
        assert tab.has("Face 0 unedited")
        middle = own[:, own.shape[1] // 2 - 30 : own.shape[1] // 2 + 30]
        skin = middle[(middle < 250).any(-1)]
        assert np.ptp(skin.astype(int), axis=-1).mean() < 4, "grey checks: no face of the generator's"
        tab.open("Edit")
        tab.type("Prompt", "a photo of a zombie")
        tab.changed(own)
        wait(lambda: tab.has("Face 0 with my zombie × 1.00"), "the summary")
        assert difference(tab.settled(), own) > 1
        tab.open("Export")
        tab.press("GLB")
        tab.press("Codes")
        names = {"face_0_edited.glb", "face_0_edited.npz"}
        wait(lambda: {file.name for file in downloads.iterdir()} >= names, "the files", 60)
        assert (downloads / "face_0_edited.glb").read_bytes()[:4] == b"glTF"
        tab.open("Face")
        edited = tab.settled()
        tab.type("Face number", "1")
        tab.changed(edited)
        assert np.ptp(tab.settled().astype(int), axis=-1).mean() > 4, "the next is one of the generator's"
    finally:
        driver.quit()
