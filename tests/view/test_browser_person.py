"""The page in headless Chromium with people: given at the start, made of a photograph, chosen in galleries by a click.

The editor listens to an address of this machine that is not one of those that it takes for this machine's alone, so
each visitor has persons of their own.
"""

import io

import numpy as np
import pytest
from chromium_page import SAME, Tab, difference, start, wait
from PIL import Image
from tiny_person import checked_person

from clipface.view.__main__ import parse, serve
from clipface.view.server.start import stop

pytest.importorskip("viser", reason="viser is missing: pip install -e '.[view]'")

HOST = "127.0.0.2"
SIZE = 64
FIT_SECONDS = 120  # that a fit may take at most; other tests may share the cores
ALIKE = 25.0  # mean difference, of 255, of a photograph and the small image of it beside its face


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("people")


@pytest.fixture(scope="module")
def editor(data, runs, avatar, folder):
    """The editor's address, with its token, and what its tabs share; a person in checks is face 0."""
    person = checked_person(avatar, SIZE).save(folder / "checks.person.safetensors")
    given = ["--port", "0", "--host", HOST, "--runs", str(runs), "--keep", str(folder / "kept")]
    given += ["--generator", str(data / "generator.safetensors"), "--texture-size", str(SIZE)]
    running, services, address = serve(parse([*given, "--person", str(person)]))
    yield address, services
    services.close()
    stop(running, services.workers)


@pytest.fixture(scope="module")
def tab(editor, folder):
    """A tab with the person in checks, before white."""
    driver = start(folder)
    tab = Tab(driver, editor[0])
    tab.dismiss()  # viser's word that WebGL is the CPU's
    tab.open("View")
    tab.choose("Light", "as painted")
    tab.choose("Backdrop", "white")
    wait(lambda: np.median(tab.image()[:20]) > 254, "white")
    yield tab
    driver.quit()


def test_a_visit(tab, editor, folder, images):
    """One visit, as pages take seconds to load; each part builds on the one before."""
    own = check_a_person_is_edited_and_taken_away(tab, folder)
    check_a_click_into_the_looks_applies_one(tab, own)
    check_a_click_into_the_faces_takes_one(tab, own)
    check_a_photograph_becomes_a_face_beside_it(tab, editor[1], folder, images.images[0])
    check_nobody_else_sees_it(tab, editor[0])
    check_it_is_edited_and_deleted(tab, editor[1], folder)


def check_a_person_is_edited_and_taken_away(tab, folder):
    own = tab.settled()
    assert tab.has("Face 0 unedited") and _colour(own) < 4, "grey checks: no face of the generator's"
    tab.open("Edit")
    tab.type("Prompt", "a photo of a zombie")
    tab.changed(own)
    wait(lambda: tab.has("Face 0 with my zombie × 1.00"), "the summary")
    assert difference(tab.settled(), own) > 1
    tab.open("Export")
    tab.press("GLB")
    tab.press("Codes")
    names = {"face_0_edited.glb", "face_0_edited.npz"}
    wait(lambda: {file.name for file in folder.iterdir()} >= names, "the files", 60)
    assert (folder / "face_0_edited.glb").read_bytes()[:4] == b"glTF"
    tab.press("Undo")
    wait(lambda: tab.has("Face 0 unedited"), "the face as it was")
    return own


def _colour(image):
    """How far from grey an image's middle is, where it is not white."""
    middle = image[:, image.shape[1] // 2 - 30 : image.shape[1] // 2 + 30]
    return np.ptp(middle[(middle < 250).any(-1)].astype(int), axis=-1).mean()


def check_a_click_into_the_looks_applies_one(tab, own):
    tab.open("Edit")
    tab.press("Choose a look …")
    tab.changed(own)
    laid_out = tab.settled()
    tab.open("Export")
    tab.press("Codes")
    wait(lambda: tab.has("Received face_0.npz"), "viser's message, which must not take the gallery's clicks")
    tab.settled()  # it has come in, and stays for four seconds
    tab.click_tile(0)
    wait(lambda: tab.has("Face 0 with my clown × 1.00"), "the look")
    tab.open("Edit")
    tab.press("Undo")
    wait(lambda: tab.has("Face 0 unedited"), "the face as it was")
    for number, name in enumerate(("my clown", "my zombie")):
        before = tab.settled()
        tab.click_tile(number)
        wait(lambda name=name: tab.has(f"Face 0 with {name} × 1.00"), "the look")
        tab.changed(before)
    assert difference(tab.settled(), laid_out) > 1
    tab.press("Remove all edits")
    wait(lambda: tab.has("Face 0 unedited"), "the face without edits")
    assert difference(tab.settled(), laid_out) < SAME
    tab.press("Close the looks")
    wait(lambda: difference(tab.image(), own) < SAME, "the face alone")


def check_a_click_into_the_faces_takes_one(tab, own):
    tab.open("Face")
    tab.press("Choose a face …")
    tab.changed(own)
    laid_out = tab.settled()
    tab.click_tile(1)
    wait(lambda: tab.has("Face 1 unedited"), "the next face")
    tab.changed(laid_out)
    tab.press("Close the faces")
    tab.changed(laid_out)
    assert _colour(tab.settled()) > 10, "one of the generator's"
    tab.press("Undo")
    wait(lambda: difference(tab.image(), own) < SAME, "the first face")


def check_a_photograph_becomes_a_face_beside_it(tab, services, folder, photograph):
    Image.fromarray(photograph).save(folder / "Ada.png")
    before = tab.settled()
    tab.unfold("Own photographs")
    tab.upload("Add a photograph", folder / "Ada.png")
    wait(lambda: tab.has("1 of at most 8 photographs: Ada.png"), "the photograph")
    alone = _picture(tab)
    tab.press("Make the face")
    wait(lambda: tab.has("Fitting the head"), "what is done", FIT_SECONDS)
    wait(lambda: tab.has("The photograph, and the face that was made of it."), "the face", FIT_SECONDS)
    assert tab.has("Ada unedited") and tab.field("Person").get_attribute("value") == "Ada"
    tab.changed(before)
    assert _colour(tab.settled()) > 10, "the painted skin"
    wait(lambda: _picture(tab).shape[1] > 1.5 * _picture(tab).shape[0], "both beside each other")
    both = _picture(tab)
    left, right = np.split(both[:, : both.shape[1] // 2 * 2], 2, 1)
    shown = np.asarray(Image.fromarray(alone).resize(left.shape[1::-1]))
    assert difference(left, shown) < ALIKE < difference(right, shown), "the photograph, and what is no photograph"
    assert _colour(right) > 10 and not list((folder / "kept").rglob("*.png"))


def _picture(tab):
    """The image in the panel, [H, W, 3] uint8."""
    (picture,) = tab.driver.find_elements("css selector", "img[src^='blob:'], img[src^='data:image/jpeg']")
    tab.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", picture)
    return np.asarray(Image.open(io.BytesIO(picture.screenshot_as_png)).convert("RGB"))


def check_nobody_else_sees_it(tab, address):
    """Neither in the list, nor in the gallery, nor by a link that names the person."""
    tab.open("Export")
    tab.press("Make a link")
    wait(lambda: tab.links("This face, as it is now"), "the link")
    (link,) = tab.links("This face, as it is now")
    other = Tab(tab.driver, address, new=True)
    other.open("Face")
    other.unfold("Own photographs")
    wait(lambda: other.has("Add a photograph"), "the panel")
    assert not other.has("Ada") and not other.has("Delete this person")
    linked = Tab(tab.driver, link, new=True)
    wait(lambda: linked.has("not there for you"), "the reason")
    assert linked.has("Face 0 unedited") and not linked.has("Ada")
    linked.dismiss()
    assert _colour(linked.settled()) < 4, "the face that all may see"
    tab.focus()


def check_it_is_edited_and_deleted(tab, services, folder):
    own = tab.settled()
    tab.open("Edit")
    tab.type("Prompt", "a photo of a clown")
    tab.changed(own)
    wait(lambda: tab.has("Ada with my clown × 1.00"), "the edited person")
    tab.open("Face")
    edited = tab.settled()
    tab.press("Delete this person")
    wait(lambda: tab.has("Face 0 unedited") and not tab.has("Ada"), "the end of the person")
    tab.changed(edited)
    assert not tab.has("Delete this person") and not list((folder / "kept" / "persons").iterdir())
