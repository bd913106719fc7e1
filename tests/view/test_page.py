"""The page over its websocket, without a browser: what each control does to the face, and to nothing else."""

import io
import logging

import numpy as np
import pygltflib
import pytest
from PIL import Image
from scipy import ndimage

pytest.importorskip("viser", reason="viser is missing: pip install -e '.[view]'")

from page_visitor import Visitor, wait

from clipface.view.__main__ import parse, serve
from clipface.view.screen.gallery import Grid
from clipface.view.server.token_auth import new_name

ZOMBIE, CLOWN = "my zombie × 1.00", "my clown × 1.00"


@pytest.fixture(scope="module")
def editor(data, runs):
    """The editor's address and what its tabs share."""
    options = parse(["--port", "0", "--runs", str(runs), "--generator", str(data / "generator.safetensors")])
    running, services, address = serve(options)
    yield address, services
    services.training.close()
    running.stop()


@pytest.fixture
def visitor(editor):
    """A new tab."""
    with Visitor(f"{editor[0]}{new_name()}") as visitor:
        yield visitor


def test_the_next_edits_region_leaves_the_kept_ones_and_undo_brings_back_a_layers_own(visitor):
    visitor.type("zombie")
    visitor.wait("Face 0** with *my zombie* × 1.00")
    visitor.set("Keep and edit on", True)
    visitor.set("Next edit on", "lips")
    visitor.type("clown")
    visitor.wait("with *my zombie* × 1.00, then *my clown* × 1.00 on lips")
    visitor.set("Region", "nose", 1)
    visitor.wait("with *my zombie* × 1.00, then *my clown* × 1.00 on nose")
    visitor.set("History", "Undo")
    visitor.wait("then *my clown* × 1.00 on lips")
    wait(lambda: visitor.value("Region", 1) == "lips", "the layer's box")
    assert visitor.value("Region") == "whole face" and visitor.value("Next edit on") == "lips"
    visitor.set("History", "Undo")
    visitor.wait("on lips", gone=True)
    visitor.type("clown")
    visitor.wait("then *my clown* × 1.00 on lips")


def test_what_is_said_of_an_edit_goes_when_it_is_undone(visitor):
    visitor.type("zombie")
    visitor.wait("*zombie*: applied")
    visitor.set("History", "Undo")
    visitor.wait("unedited")
    visitor.wait("applied", gone=True)


def test_layers_have_strength_switch_order_and_end_of_their_own(visitor):
    visitor.type("zombie")
    visitor.wait("my zombie")
    visitor.set("Keep and edit on", True)
    visitor.type("clown")
    visitor.wait("2 · my clown")
    visitor.set("Strength", -0.5, 1)
    visitor.wait("with *my zombie* × 1.00, then *my clown* × -0.50")
    visitor.set("On", False)
    visitor.wait("Face 0** with *my clown* × -0.50")
    visitor.wait("1 · my zombie (off)")
    visitor.set("Layer", "Later")
    visitor.wait("2 · my zombie (off)")
    wait(lambda: visitor.value("Strength") == -0.5 and visitor.value("On", 1) is False, "the rows' values")
    visitor.set("Layer", "Remove")
    visitor.wait("unedited")
    visitor.wait("2 · ", gone=True)
    visitor.set("On", True)
    visitor.wait("with *my zombie* × 1.00")


def test_a_look_is_chosen_by_a_click_and_the_same_again_after_all_was_removed(visitor):
    plain = visitor.settled()
    visitor.press("Choose a look …")
    visitor.wait("Close the looks")
    laid_out = visitor.settled()
    grid = Grid.of(laid_out.shape[:2])
    tiles = [laid_out[top : top + grid.side, left : left + grid.side] for top, left in map(grid.corner, range(3))]
    assert [np.ptp(tile.astype(int), axis=(0, 1)).min() > 40 for tile in tiles] == [True, True, False], "two looks"
    assert np.abs(laid_out[:, :50].astype(int) - plain[:, :50]).mean() < 30, "the head's backdrop beside it"
    for _ in range(2):
        visitor.click(*_middle(grid, 0, laid_out.shape))
        visitor.wait("Face 0** with *my ")
        visitor.press("Remove all edits")
        visitor.wait("Face 0** unedited")
    visitor.click(*_middle(grid, 2, laid_out.shape))  # there is none
    visitor.set("Search", "clo")
    visitor.click(*_middle(grid, 0, laid_out.shape))
    visitor.wait("with *my clown*")
    visitor.press("Close the looks")
    visitor.wait("Choose a look …")
    visitor.click(*_middle(grid, 1, laid_out.shape))
    visitor.settled()
    assert visitor.has("with *my clown*"), "a click on the head is none on a look"


def _middle(grid, number, shape):
    top, left = grid.corner(number)
    return (left + grid.side / 2) / shape[1], (top + grid.side / 2) / shape[0]


def test_faces_are_chosen_under_the_present_edit_and_put_side_by_side(visitor):
    visitor.type("zombie")
    visitor.wait("my zombie")
    visitor.press("Choose a face …")
    visitor.wait("Close the faces")
    shown = visitor.settled()
    grid = Grid.of(shown.shape[:2])
    visitor.click(*_middle(grid, 1, shown.shape))
    visitor.wait("Face 1** with *my zombie*")
    visitor.set("Beside this one", True)
    alone = visitor.settled()
    visitor.click(*_middle(grid, 2, shown.shape))
    wait(lambda: _differ(visitor, alone, grid) > 3, "both faces")
    visitor.click(*_middle(grid, 2, shown.shape))
    wait(lambda: _differ(visitor, alone, grid) < 0.5, "one face")
    assert visitor.has("Face 1** with *my zombie*")
    visitor.set("Backdrop", "white")
    assert _heads(visitor.settled()[:, : grid.left]) == [1]
    visitor.click(*_middle(grid, 2, shown.shape))
    assert _heads(visitor.settled()[:, : grid.left]) == [2]
    visitor.set("Show", "side by side")
    assert _heads(visitor.settled()[:, : grid.left]) == [2, 2], "before above after"


def _heads(image):
    """How many heads stand on white in each row of an image, from the top."""
    shown = ndimage.binary_opening((image < 240).any(-1), iterations=3)
    tops = [part[0].start for part in ndimage.find_objects(ndimage.label(shown)[0])]
    return [count for half in (0, 1) if (count := sum(top // (len(image) // 2) == half for top in tops))]


def _differ(visitor, image, grid):
    """How far the view beside the gallery is from an image."""
    return np.abs(visitor.settled()[:, : grid.left].astype(int) - image[:, : grid.left]).mean()


def test_left_and_right_are_linked_until_they_are_not(visitor):
    visitor.set("mouthSmile", 0.4)
    wait(lambda: visitor.value("mouthSmileRight") == 0.4, "the other side")
    visitor.set("Left and right together", False)
    wait(lambda: visitor.labelled("mouthSmileLeft"), "a name for one side")
    visitor.set("mouthSmileLeft", 0.9)
    plain = visitor.settled()
    assert visitor.value("mouthSmileRight") == 0.4
    visitor.set("Surprised", 1.0)
    assert np.abs(visitor.settled().astype(int) - plain).mean() > 0.5


@pytest.mark.parametrize(
    "label, value, words",
    [
        ("Next edit on", "beak", "region: expected one of whole face"),
        ("Light", "candle", "light: expected one of"),
        ("Surface", "jelly", "surface: expected one of"),
        ("Face number", -5, "seed: expected a whole number"),
        ("Variety (psi)", 1e9, "psi: expected a number from 0 to 1.5"),
        ("Angry", 7.0, "angry: expected a number from -1 to 1"),
    ],
)
def test_values_that_cannot_be_are_words_on_the_page_not_in_the_log(visitor, caplog, capfd, label, value, words):
    before = visitor.value(label)
    with caplog.at_level(logging.INFO):
        visitor.set(label, value)
        visitor.wait(words)
        visitor.settled()
    wait(lambda: visitor.value(label) == before, "the value that holds")
    assert visitor.has("Face 0** unedited")
    assert "Traceback" not in caplog.text + "".join(capfd.readouterr())


def test_cropped_hair_is_seen_and_is_in_the_files(visitor):
    bald = visitor.settled()
    files = []
    for hair in (False, True):
        visitor.set("Cropped hair", hair)
        wait(lambda hair=hair: (np.abs(visitor.settled().astype(int) - bald).mean() > 0.3) == hair, "the scalp")
        visitor.press("GLB")
        wait(lambda: "face_0.glb" in visitor.files, "the file")
        files.append(visitor.files.pop("face_0.glb"))
    textures = [np.asarray(image) for image in map(_texture, files)]
    assert textures[0].shape == textures[1].shape and np.abs(textures[0].astype(int) - textures[1]).mean() > 1


def _texture(content):
    document = pygltflib.GLTF2.load_from_bytes(content)
    view = document.bufferViews[document.images[0].bufferView]
    return Image.open(io.BytesIO(document.binary_blob()[view.byteOffset :][: view.byteLength])).convert("RGB")
