"""A camera moves the head of a tab; a video of a painted face, played over and over, stands in for one."""

import numpy as np
import pytest
import torch

from clipface.export.video import VideoWriter
from clipface.render.camera import view
from clipface.synthetic import PaintedFaces

pytest.importorskip("viser")
pytest.importorskip("onnxruntime")

from page_visitor import Visitor, wait

from clipface.view.__main__ import parse, serve
from clipface.view.server.start import stop
from clipface.view.server.token_auth import new_name

RATE, SIZE = 10, 256
JAW = (0.0,) * 15 + (0.4,) * 25  # radians
WIDE = 20.0  # degrees that the mouth is opened for comparison
LONGEST = 120  # seconds; other tests may share the cores


@pytest.fixture
def video(open_head, tmp_path):
    """A painted face that has its mouth shut, then open."""
    head, renderer = open_head
    wanted = {"look": "none", "sex": "man", "beard": "none", "makeup": "none", "expression": "neutral"}
    face = PaintedFaces(head, renderer, 128).sample(1, torch.Generator().manual_seed(2), 32, attributes=wanted)
    images = []
    for angle in (min(JAW), max(JAW)):
        pose = torch.tensor([[0.0, 0.0, 0.0, angle, 0.0, 0.0]])
        vertices = head(face.shape, torch.zeros(1, head.n_expression), pose)
        camera = view(torch.zeros(1), torch.zeros(1), 1.0)
        images.append(renderer(vertices, face.texture, camera, SIZE, background=0.6).image)
    with VideoWriter(tmp_path / "face.mp4", RATE) as writer:
        for angle in JAW:
            writer.write(images[angle > 0])
    return tmp_path / "face.mp4"


@pytest.fixture
def editor(data, runs, tmp_path):
    """Starts an editor with some options, and ends it."""
    begun = []

    def start(*options: str) -> tuple:
        given = ["--port", "0", "--runs", str(runs), "--generator", str(data / "generator.safetensors")]
        begun.append(serve(parse([*given, "--keep", str(tmp_path / "kept"), *options])))
        return begun[-1][2], begun[-1][1]

    yield start
    for running, services, _ in begun:
        services.close()
        stop(running, services.workers)


def test_the_head_opens_its_mouth_as_the_face_before_the_camera_does_until_it_is_stopped(video, editor):
    address, services = editor("--camera", str(video))
    with Visitor(address + new_name()) as visitor, Visitor(address + new_name()) as other:
        shut = visitor.settled()
        visitor.set("Jaw open", WIDE)
        wait(lambda: _differ(visitor.settled(), shut) > 0.1, "an open mouth")
        wide = visitor.settled()
        visitor.set("Jaw open", 0.0)
        wait(lambda: _differ(visitor.settled(), shut) < 0.05, "a shut one")
        mouth = np.abs(wide.astype(int) - shut).max(-1) > 40

        def openness() -> float:
            """0 with the mouth shut, 1 with it open, by the pixels that this changes."""
            towards, change = (image[mouth].astype(float) - shut[mouth] for image in (wide, visitor.newest()))
            return float((change * towards).sum() / (towards * towards).sum())

        assert mouth.mean() > 0.005 and abs(openness()) < 0.1
        visitor.set("Webcam", True)
        visitor.wait("images a second", seconds=LONGEST)
        wait(lambda: openness() > 0.4, "an open mouth", LONGEST)
        wait(lambda: openness() < 0.2, "a shut one", LONGEST)
        camera = services.cameras._current
        assert torch.isfinite(camera.newest.expression).all() and camera.newest.pose[:, :3].abs().max() < 0.4
        other.set("Webcam", True)
        other.wait("one that moves another tab's head")
        wait(lambda: other.value("Webcam") is False, "the box of what is not on")
        visitor.set("Webcam", False)
        wait(lambda: not camera.running, "the camera's release")
        wait(lambda: _differ(visitor.settled(), shut) < 0.05, "the face as it was")
        assert not visitor.has("images a second")
        check_other_ends(visitor, services)


def _differ(one, other) -> float:
    return np.abs(one.astype(int) - other).mean()


def check_other_ends(visitor, services):
    """Another motion, or the tab's end, releases the camera too."""
    before = services.cameras._current
    visitor.set("Turntable", True)
    visitor.set("Webcam", True)
    wait(lambda: services.cameras._current is not before and services.cameras._current.running, "a running camera")
    camera = services.cameras._current
    visitor.press("Play")
    wait(lambda: not camera.running and visitor.value("Webcam") is False, "the camera's release")
    visitor.wait("Stop")
    visitor.set("Webcam", True)
    visitor.wait("Stop", gone=True)
    wait(lambda: services.cameras._current is not camera and services.cameras._current.running, "a running camera")
    camera = services.cameras._current
    visitor.close()
    wait(lambda: not camera.running, "the camera's release")


def test_a_camera_that_gives_no_images_is_named(editor):
    address, _ = editor("--camera", "/dev/null")
    with Visitor(address + new_name()) as visitor:
        visitor.set("Webcam", True)
        visitor.wait("camera: expected images from /dev/null, got: ", seconds=LONGEST)
        wait(lambda: visitor.value("Webcam") is False, "the box of what is not on")


@pytest.mark.parametrize(
    "options, words",
    [
        (("--camera", "/dev/video987"), "No webcam is connected to the machine that runs the page"),
        (("--camera", "/dev/null", "--host", "127.0.0.2"), "offered only where the page is served to this machine"),
    ],
)
def test_why_no_camera_is_offered_stands_on_the_page(editor, options, words):
    address, services = editor(*options)
    path, _, token = address.partition("?token=")
    with Visitor(f"{path}{token + '/' if token else ''}{new_name()}") as visitor:
        visitor.wait(words)
        assert not visitor.visible(visitor.widget("Webcam"))
        visitor.set("Webcam", True)  # a message can be sent all the same
        visitor.wait("That did not work: webcam: ")
        assert services.cameras._current is None
