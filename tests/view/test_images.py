"""Images of a tab: the renderer's own, in parts, quick while something moves and sharp at rest."""

import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional

from clipface.render.camera import perspective, project
from clipface.view.screen import images, lights, stream
from clipface.view.screen.backdrop import backdrop
from clipface.view.screen.images import (
    BrowserCamera,
    head_window,
    render_view,
    shown_faces,
    shown_surfaces,
    window_camera,
)
from clipface.view.server.workers import Workers
from clipface.view.session.state import Edit, FaceState, ViewSettings

FACE = FaceState(seed=3, edits=(Edit("my_zombie"),))
CAMERA = BrowserCamera((0.1, 0.05, 0.7), (0.0, 0.01, 0.0), (0.0, 1.0, 0.0), 0.5, (90, 120))
SOON = 10.0  # seconds
LONGEST_ANSWER = 0.2  # seconds from a slider's callback to the message on its way, on a CPU
WHITE = ViewSettings(backdrop="white")
SETTINGS = [
    *(ViewSettings(light=name) for name in ("as painted", "soft", "studio", "left")),
    *(ViewSettings(surface=name, backdrop="dark") for name in ("geometry", "wireframe")),
]


def whole(engine, face, settings, camera, size, supersample=2):
    """The renderer's image in one piece: [H, W, 3] uint8."""
    surface = engine.surface(face, settings)
    matrix = camera.matrix(size[1] / size[0])
    behind = backdrop(settings.backdrop, size, matrix, surface.vertices)
    return images.to_pixels(engine.render(surface, matrix, size, supersample, behind).image)


def differs(one, other):
    return np.abs(one.astype(int) - other).max(-1)


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_image_is_the_renderers_whatever_it_is_put_together_from(engine, settings, monkeypatch):
    expected = whole(engine, FACE, settings, CAMERA, CAMERA.size)
    monkeypatch.setattr(images, "BAND_PIXELS", 120 * 2 * 2 * 7)  # bands of some seven rows
    image = render_view(engine, [[engine.surface(FACE, settings)]], CAMERA, CAMERA.size, 2)
    assert (differs(image, expected) <= 2).mean() > 0.999  # another crop rounds otherwise


def test_two_faces_stand_side_by_side_before_the_same_camera(engine):
    settings = ViewSettings(comparison="side by side")
    both = [engine.surface(face, settings) for face in (FACE.unedited(), FACE)]
    image = render_view(engine, [both], CAMERA, (90, 161), 1)
    for face, part in ((FACE.unedited(), image[:, :81]), (FACE, image[:, 81:])):
        expected = whole(engine, face, settings, CAMERA, part.shape[:2], 1)
        assert (differs(part, expected) <= 2).mean() > 0.999


def test_several_faces_stand_below_themselves_before_their_edits(engine):
    settings = ViewSettings(comparison="side by side", others=(("", 5),))
    image = render_view(engine, shown_surfaces(engine, FACE, settings), CAMERA, (160, 120), 1)
    other = replace(FACE, seed=5)
    shown = ((FACE.unedited(), other.unedited()), (FACE, other))
    assert shown_faces(FACE, settings) == shown and FACE.edits
    for row, faces in enumerate(shown):
        for column, face in enumerate(faces):
            part = image[80 * row : 80 * (row + 1), 60 * column : 60 * (column + 1)]
            expected = whole(engine, face, settings, CAMERA, (80, 60), 1)
            assert (differs(part, expected) <= 2).mean() > 0.999


def test_geometry_is_grey_and_needs_no_texture(engine):
    settings = ViewSettings(surface="geometry", backdrop="white")
    image = render_view(engine, [[engine.surface(FACE, settings)]], CAMERA, CAMERA.size, 1)
    assert np.ptp(image.astype(int), axis=-1).max() <= 30 and image.min() < 200


def test_a_wireframe_has_lines_where_geometry_is_smooth_and_a_texture_map_is_the_texture(engine):
    smooth, lines, flat = (
        render_view(engine, [[engine.surface(FACE, ViewSettings(surface=name))]], CAMERA, (400, 400), 1)
        for name in ("geometry", "wireframe", "texture map")
    )
    steps = [np.abs(np.diff(image[150:250, 150:250].astype(int), axis=1)).mean() for image in (smooth, lines)]
    assert steps[1] > 3 * steps[0] and (lines <= smooth).all()
    texture = images.to_pixels(functional.interpolate(engine.texture(FACE), (360, 360), mode="bilinear"))
    assert np.abs(flat[20:380, 20:380].astype(int) - texture).mean() < 12
    assert (flat[:10] > 200).all(), "the backdrop around it"


def test_a_head_stands_in_its_shadow_on_the_ground_and_on_white_there_is_none(engine):
    surface = engine.surface(FACE, ViewSettings())
    low = surface.vertices[0, :, 1].min()
    camera = CAMERA._replace(position=(0.0, 0.3, 0.7)).matrix(1.0)
    at = project(torch.tensor([[[0.0, float(low), 0.03], [0.25, float(low), 0.03]]]), camera)[0]
    (below, aside) = (((point[:2] / point[3] + 1) * 100).round().int().tolist() for point in at)
    ground = backdrop("light", (200, 200), camera, surface.vertices)[0].mean(0)
    assert ground[below[1], below[0]] < 0.75 * ground[aside[1], min(aside[0], 199)]
    assert ground[0].mean() > ground[-1].mean() and backdrop("white", (20, 20), camera, surface.vertices).min() == 1
    with pytest.raises(ValueError, match="backdrop: expected one of light, .*, got 'beach'"):
        backdrop("beach", (20, 20), camera, surface.vertices)


def test_a_window_holds_all_of_the_head_and_near_ones_the_whole_image(engine):
    vertices = engine.vertices(FACE)
    matrix = CAMERA.matrix(120 / 90)
    window = head_window(vertices, matrix, (90, 120))
    covered = np.nonzero((whole(engine, FACE, WHITE, CAMERA, (90, 120)) < 255).any(-1))
    assert window.top <= covered[0].min() and covered[0].max() < window.bottom
    assert window.left <= covered[1].min() and covered[1].max() < window.right
    assert (window.right - window.left) < 120
    near = CAMERA._replace(position=(0.0, 0.01, 0.05)).matrix(120 / 90)
    assert head_window(vertices, near, (90, 120)) == (0, 90, 0, 120)
    away = CAMERA._replace(target=(3.0, 0.05, 0.7)).matrix(120 / 90)
    assert render_view(engine, [[engine.surface(FACE, WHITE)]], CAMERA._replace(target=(3.0, 0.05, 0.7)),
                       (90, 120), 1).min() == 255 and away.isfinite().all()  # fmt: skip
    torch.testing.assert_close(window_camera(matrix, (90, 120), images.Window(0, 90, 0, 120)), matrix)


@pytest.fixture
def tab(engine):
    """A stream with a browser that only notes what it is sent."""
    sent, arrived, listeners = [], threading.Semaphore(0), []

    def note(image, format, jpeg_quality):
        sent.append((image, jpeg_quality))
        arrived.release()

    position, target, up, fov, (height, width) = CAMERA
    camera = SimpleNamespace(
        position=position, look_at=target, up_direction=up, fov=fov, image_height=height, image_width=width,
        on_update=listeners.append,
    )  # fmt: skip
    client = SimpleNamespace(camera=camera, scene=SimpleNamespace(set_background_image=note), flush=lambda: None)

    def look(**values):
        vars(camera).update(values)
        coroutine = listeners[0](camera)
        with pytest.raises(StopIteration):
            coroutine.send(None)

    def next_image():
        assert arrived.acquire(timeout=SOON), "no image has come"
        return sent[-1]

    errors = []
    images_of_tab = stream.ImageStream(client, engine, Workers(), errors.append)
    yield SimpleNamespace(stream=images_of_tab, look=look, next=next_image, arrived=arrived, sent=sent, errors=errors)
    images_of_tab.close()


def test_a_quick_image_comes_first_and_a_sharp_one_at_rest(tab, engine):
    tab.stream.show(FACE, ViewSettings())
    assert tab.next()[1] == stream.QUICK_QUALITY
    image, quality = tab.next()
    assert quality >= 94 and image.shape == (*CAMERA.size, 3)
    assert (differs(image, whole(engine, FACE, ViewSettings(), CAMERA, CAMERA.size)) <= 2).mean() > 0.999
    assert not tab.arrived.acquire(timeout=2 * stream.REST_SECONDS), "at rest nothing is sent"
    tab.stream.show(FACE, ViewSettings())
    assert not tab.arrived.acquire(timeout=2 * stream.REST_SECONDS), "the same face again is not sent again"


def test_turning_zooming_and_resizing_bring_new_images(tab):
    tab.stream.show(FACE, ViewSettings())
    last = [tab.next(), tab.next()][-1][0]
    for change in ({"position": (0.4, 0.05, 0.6)}, {"position": (0.4, 0.05, 0.4)}, {"image_width": 200}):
        tab.look(**change)
        image = [tab.next(), tab.next()][-1][0]
        assert image.shape != last.shape or differs(image, last).max() > 30, change
        last = image
    assert last.shape == (90, 200, 3)
    tab.look(image_width=0)  # a tab in the background
    assert not tab.arrived.acquire(timeout=2 * stream.REST_SECONDS) and not tab.errors


def test_on_a_slow_machine_moving_images_are_coarser(tab):
    tab.stream._pace = 4 * stream.QUICK_SECONDS / (90 * 120)
    tab.stream.show(FACE, ViewSettings())
    assert tab.next()[0].shape == (45, 60, 3)
    assert tab.next()[0].shape == (90, 120, 3)


def test_an_error_is_reported_once_and_the_next_face_is_shown(tab):
    tab.stream.show(FaceState(edits=(Edit("nobody"),)), ViewSettings())
    end = time.monotonic() + SOON
    while not tab.errors and time.monotonic() < end:
        time.sleep(0.02)
    assert not tab.arrived.acquire(timeout=2 * stream.REST_SECONDS) and len(tab.errors) == 1
    tab.stream.show(FACE, ViewSettings())
    assert tab.next()[0].min() < 200


def test_a_slider_is_answered_in_time(tab):
    """The server's part, without a browser, at 512 x 512 pixels."""
    tab.look(image_height=512, image_width=512)
    for step in range(6):
        tab.stream.show(FaceState().with_weight("jawOpen", (step + 1) / 10), ViewSettings())
        images_of_step = [tab.next(), tab.next()]
        assert images_of_step[-1][1] == stream.REST_QUALITY
    assert len(tab.stream.latencies) == 6 and not tab.errors
    answer = np.median(list(tab.stream.latencies)[1:])
    assert answer < LONGEST_ANSWER, f"{answer:.3f} s"


def test_light_comes_from_where_it_says(engine):
    vertices = engine.vertices(FACE)
    left = lights.light(vertices, engine.head.faces, "left", 1.0)[0, :, 0]
    ears = [left[engine.head.regions[name]].mean() for name in ("right_ear", "left_ear")]
    places = [vertices[0, engine.head.regions[name], 0].mean() for name in ("right_ear", "left_ear")]
    assert (ears[0] > ears[1]) == (places[0] < places[1])
    assert lights.light(vertices, engine.head.faces, "as painted", 1.0) is None
    half = lights.light(vertices, engine.head.faces, "left", 0.5)[0, :, 0]
    torch.testing.assert_close(half, (1 + left) / 2)
    with pytest.raises(ValueError, match="light: expected one of"):
        lights.light(vertices, engine.head.faces, "candle", 1.0)


def test_the_renderers_camera_is_the_browsers():
    up, size = (0.0, 1.0, 0.0), (100, 100)
    camera = BrowserCamera((0, 0.02, 0.62), (0, 0.02, 0), up, 0.5, size).matrix(1.5)
    wanted = perspective(
        torch.eye(3)[None], torch.tensor([0.62]), torch.tensor([np.degrees(0.5)]).float(), 1.5, centre=(0, 0.02, 0)
    )
    torch.testing.assert_close(camera, wanted)
    side = BrowserCamera((0.6, 0, 0), (0, 0, 0), up, 0.5, size).matrix(1.0)
    clip = side[0] @ torch.tensor([0.0, 0, -0.1, 1])  # behind the face's middle: to the right, seen from +x
    assert clip[0] / clip[3] > 0 and abs(clip[1] / clip[3]) < 1e-6
