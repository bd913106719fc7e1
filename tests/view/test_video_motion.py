"""A video that is brought into the page moves the head; what is none is named."""

import pytest
import torch

from clipface.export.video import VideoWriter, read_frames
from clipface.render.camera import view
from clipface.synthetic import PaintedFaces

pytest.importorskip("viser", reason="viser is missing: pip install -e '.[view]'")
pytest.importorskip("onnxruntime")

from page_visitor import Visitor, wait

from clipface.view.__main__ import parse, serve
from clipface.view.server.start import stop
from clipface.view.server.token_auth import new_name

FRAMES, RATE, SIZE = 8, 8, 256
WIDE = 0.35  # radians
LONGEST = 120  # seconds; other tests may share the cores


@pytest.fixture
def video(open_head, tmp_path) -> bytes:
    """A painted face that turns from its right to its left and opens its mouth."""
    head, renderer = open_head
    wanted = {"look": "none", "sex": "man", "beard": "none", "makeup": "none", "expression": "neutral"}
    face = PaintedFaces(head, renderer, 128).sample(1, torch.Generator().manual_seed(2), 32, attributes=wanted)
    pose = torch.zeros(FRAMES, 6)
    pose[:, 1], pose[:, 3] = WIDE * torch.linspace(-1, 1, FRAMES), WIDE * torch.linspace(0, 1, FRAMES)
    vertices = head(face.shape.expand(FRAMES, -1), torch.zeros(FRAMES, head.n_expression), pose)
    camera = view(torch.zeros(FRAMES), torch.zeros(FRAMES), 1.0)
    shown = renderer(vertices, face.texture.expand(FRAMES, -1, -1, -1), camera, SIZE, background=0.6).image
    with VideoWriter(tmp_path / "me.mp4", RATE) as writer:
        writer.write(shown)
    return (tmp_path / "me.mp4").read_bytes()


def test_a_video_moves_the_head_as_the_face_in_it_moves(video, data, runs, tmp_path):
    given = ["--port", "0", "--runs", str(runs), "--generator", str(data / "generator.safetensors")]
    running, services, address = serve(parse([*given, "--keep", str(tmp_path / "kept")]))
    try:
        with Visitor(address + new_name()) as visitor:
            visitor.set("Backdrop", "white")
            visitor.upload("Add a capture or video", "cv.mp4", b"no film at all")
            visitor.wait("cv.mp4: ")
            visitor.wait("cv.mp4: file 0.mp4: expected a video", seconds=LONGEST)
            visitor.upload("Add a capture or video", "me.mp4", video)
            visitor.wait("me.mp4: following the face", seconds=LONGEST)
            wait(lambda: visitor.value("Motion") == "me.mp4", "the motion", LONGEST)
            check_it_is_the_faces(services.children._current.motion(services.engine.head))
            assert not visitor.has("following the face") and not visitor.has("Leave the video")
            visitor.set("Height of the video", 128)
            visitor.press("Record MP4")
            wait(lambda: "motion.mp4" in visitor.files, "a recording", LONGEST)
            (tmp_path / "motion.mp4").write_bytes(visitor.files["motion.mp4"])
            first, *_, last = read_frames(tmp_path / "motion.mp4")
            assert (first - last).abs().mean() > 0.005
            visitor.upload("Add a capture or video", "again.mp4", video)
            visitor.wait("again.mp4: ")
            visitor.press("Leave the video")
            visitor.wait("Leave the video", gone=True)
            visitor.settled()
            assert visitor.value("Motion") == "me.mp4"
    finally:
        services.close()
        stop(running, services.workers)


def check_it_is_the_faces(motion):
    assert len(motion) == FRAMES and motion.rate == RATE
    for number in (1, 3):  # yaw and jaw
        pair = torch.stack([motion.pose[:, number], torch.linspace(-1, 1, FRAMES)])
        assert torch.corrcoef(pair)[0, 1] > 0.9, motion.pose[:, number]
