"""The page in headless Chromium: what somebody does with it, from the first look to the files taken away."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from chromium_page import SAME, Tab, difference, start, wait

from clipface.view.__main__ import parse, serve
from clipface.view.channel import Channels
from clipface.view.head_glb import HeadGlb
from clipface.view.scene import HeadScene
from clipface.view.state import FaceState, ViewSettings

pytest.importorskip("viser", reason="viser is missing: pip install -e '.[view]'")

RIGHT, END = "\ue014", "\ue010"  # keys
LONGEST_SHOWN = 2000  # milliseconds: graphics are drawn by the CPU here, which other tests may share
LONGEST_ANSWER = 0.2  # seconds from a slider's callback to the message on its way, on a CPU


@pytest.fixture(scope="module")
def editor(data, runs):
    """The editor's address, and what its tabs share."""
    options = parse(["--port", "0", "--runs", str(runs), "--generator", str(data / "generator.safetensors")])
    running, services, address = serve(options)
    yield address, services
    services.training.close()
    running.stop()


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def tab(editor, downloads):
    """A tab with the first face."""
    driver = start(downloads)
    yield Tab(driver, editor[0])
    driver.quit()


def test_a_visit(tab, editor, downloads):
    """One visit, since a page takes seconds to load when the CPU draws it; each part builds on the one before."""
    first = tab.settled()
    check_a_slider_moves_the_head(tab, first)
    check_answers(tab)
    check_a_trained_prompt_is_applied_at_once(tab)
    check_undo(tab)
    check_words_that_are_not_trained(tab)
    check_errors_are_words(tab)
    check_before_and_after(tab, first)
    check_files(tab, downloads)
    check_another_tab_and_a_reload(tab, editor[0])


def check_a_slider_moves_the_head(tab, first):
    tab.open("Expression")
    tab.slide("Jaw open", END)
    tab.changed(first)
    assert tab.value("Jaw open") == 25


def check_answers(tab):
    times = []
    for _ in range(7):
        times.append(tab.answer("Neck turn"))
        time.sleep(0.3)
    print(f"from a key on a slider to another head on the screen: {np.median(times):.0f} ms (median of 7)")
    assert np.median(times) < LONGEST_SHOWN


def check_a_trained_prompt_is_applied_at_once(tab):
    before = tab.settled()
    tab.open("Edit")
    tab.type("Prompt", "a photo of a zombie")
    tab.changed(before)
    wait(lambda: tab.has("Face 0 with my zombie × 1.00"), "the summary")
    before = tab.settled()
    tab.slide("Strength", RIGHT * 10)
    tab.changed(before)
    assert tab.value("Strength") == 1.5


def check_undo(tab):
    tab.settled()
    tab.press("Undo")
    wait(lambda: tab.value("Strength") == 1.0, "the slider's way back")
    tab.press("Redo")
    wait(lambda: tab.value("Strength") == 1.5, "the slider's way forth")


def check_words_that_are_not_trained(tab):
    tab.type("Prompt", "a photo of an ogre")
    wait(lambda: tab.has("is not trained yet"), "the hint")


def check_errors_are_words(tab):
    tab.type("Prompt", "${oc.env:HOME}")
    tab.press("Train this prompt")
    wait(lambda: tab.has("prompt: words without $ are wanted"), "the message")
    assert not tab.has("Traceback")


def check_before_and_after(tab, first):
    after = tab.settled()
    tab.open("View")
    tab.choose("Show", "before")
    tab.changed(after)
    before = tab.settled()
    tab.choose("Show", "side by side")
    tab.changed(before)
    both = tab.settled()
    middle = slice(both.shape[1] // 2 - 40, both.shape[1] // 2 + 40)
    covered = [np.mean(image[:, middle].min(-1) < 250) for image in (before, both)]
    assert covered[1] < covered[0] / 2, "two heads, and the background between them"
    tab.choose("Light", "left")
    tab.changed(both)
    tab.choose("Light", "as painted")
    tab.choose("Show", "after")
    wait(lambda: difference(tab.image(), after) < SAME, "the edited head again")


def check_files(tab, downloads):
    tab.open("Export")
    wanted = ("face_0_edited.glb", "face_0_edited.obj.zip", "face_0_edited.png", "face_0_edited.npz")
    for button in ("GLB", "OBJ", "PNG", "Codes"):
        tab.press(button)
    wait(lambda: {file.name for file in downloads.iterdir()} >= set(wanted), "the files", 20)
    assert (downloads / wanted[0]).read_bytes()[:4] == b"glTF"
    assert np.load(downloads / wanted[3])["w_plus"].ndim == 3


def check_another_tab_and_a_reload(tab, address):
    tab.dismiss()
    mine = tab.settled()
    other = Tab(tab.driver, address, new=True)
    wait(lambda: other.has("Face 0 unedited"), "a new session")
    other.open("Face")
    before = other.settled()
    other.type("Face number", "7")
    other.changed(before)
    tab.focus()
    assert tab.has("Face 0 with my zombie × 1.50") and difference(tab.settled(), mine) < SAME
    tab.reload()
    wait(lambda: tab.has("Face 0 with my zombie × 1.50"), "the session")
    assert difference(tab.settled(), mine) < SAME and tab.value("Strength") == 1.5
    assert tab.field("Prompt").get_attribute("value") == "${oc.env:HOME}"
    tab.press("Undo")
    wait(lambda: tab.value("Strength") == 1.0, "the history that was kept")


def test_a_slider_is_answered_in_time(engine):
    """The server's part, without a browser: as many milliseconds as the page takes to send the head."""
    sent = threading.Event()
    scene = SimpleNamespace(
        add_glb=lambda *_, **__: sent.set(), remove_by_name=lambda _: None, add_frame=lambda *_, **__: SimpleNamespace()
    )
    client = SimpleNamespace(scene=scene, gui=SimpleNamespace(add_html=lambda _: None), flush=lambda: None)
    glb = HeadGlb(engine.head)
    heads = HeadScene(client, engine, glb, Channels(), report=lambda error: pytest.fail(str(error)))
    for step in range(5):
        sent.clear()
        heads.show(FaceState().with_weight("jawOpen", step / 10), ViewSettings())
        assert sent.wait(10)
        time.sleep(0.4)  # of the exchange of files
    heads.close()
    assert np.median(heads.latencies) < LONGEST_ANSWER, f"{np.median(heads.latencies):.3f} s"
