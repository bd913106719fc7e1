"""A painted face that turns, tilts, opens its mouth and is hidden for a moment, filmed and read again."""

import numpy as np
import pytest
import torch

from clipface.animation import Motion, importance, load_motion
from clipface.animation.video_frames import fit_points
from clipface.fit.landmark_objective import LandmarkObjective
from clipface.render import Renderer
from clipface.render.camera import view
from clipface.synthetic import PaintedFaces

FRAMES, RATE, SIZE = 12, 12, 256
HIDDEN = (5, 6)


@pytest.fixture(scope="module")
def acted(arkit_head):
    """A motion that is known."""
    phase = torch.linspace(0, torch.pi, FRAMES).sin()
    expression, pose = torch.zeros(FRAMES, arkit_head.n_expression), torch.zeros(FRAMES, 6)
    for name in ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"):
        expression[:, arkit_head.expression_names.index(name)] = phase
    pose[:, 3] = 0.3 * phase
    pose[:, 1], pose[:, 2] = 0.2 * torch.linspace(-1, 1, FRAMES), 0.25 * torch.linspace(-1, 1, FRAMES)
    return Motion(expression, pose, torch.zeros(FRAMES, 3), torch.zeros(FRAMES, 6), RATE, arkit_head.expression_names)


@pytest.fixture(scope="module")
def images(arkit_head, acted):
    """Its frames, [T, H, W, 3] uint8."""
    pytest.importorskip("onnxruntime")
    renderer = Renderer(arkit_head.faces, arkit_head.uv, arkit_head.uv_faces)
    wanted = {"look": "none", "sex": "man", "beard": "none", "makeup": "none", "expression": "neutral"}
    face = PaintedFaces(arkit_head, renderer, 128).sample(1, torch.Generator().manual_seed(2), 32, attributes=wanted)
    vertices = arkit_head(face.shape, acted.expression, acted.pose)
    camera = view(torch.zeros(FRAMES), torch.zeros(FRAMES), 1.0)
    image = renderer(vertices, face.texture.expand(FRAMES, -1, -1, -1), camera, SIZE, background=0.6).image
    return (image.clamp(0, 1) * 255).byte().permute(0, 2, 3, 1).numpy()


def film(path, images, hidden=()):
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as video:
        stream = video.add_stream("mpeg4", rate=RATE)
        stream.width = stream.height = SIZE
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        for number, image in enumerate(images):
            shown = np.full_like(image, 150) if number in hidden else image
            video.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        video.mux(stream.encode(None))
    return path


def test_the_motion_comes_back(tmp_path, arkit_head, acted, images):
    path = film(tmp_path / "a.mp4", images, HIDDEN)
    with pytest.warns(UserWarning, match="2 of 12 frames show no face, the first at 0.42 s"):
        motion = load_motion(path, arkit_head)
    assert len(motion) == FRAMES and motion.rate == RATE and motion.expression.device.type == "cpu"
    brows = arkit_head.expression_names.index("browInnerUp")
    for name, got, true in (
        ("brows", motion.expression[:, brows], acted.expression[:, brows]),
        ("jaw", motion.pose[:, 3], acted.pose[:, 3]),
        ("yaw", motion.pose[:, 1], acted.pose[:, 1]),
        ("roll", motion.pose[:, 2], acted.pose[:, 2]),
        ("importance", importance(motion), importance(acted)),
    ):
        assert torch.corrcoef(torch.stack([got, true]))[0, 1] > 0.9, name
    torch.testing.assert_close(motion.pose[:, 1:3], acted.pose[:, 1:3], atol=0.1, rtol=0)


def test_a_face_hidden_for_long_is_named(tmp_path, arkit_head, images):
    path = film(tmp_path / "a.mp4", images, range(4, 9))
    with pytest.raises(ValueError, match="got none from 0.25 to 0.75 s"):
        load_motion(path, arkit_head)
    path = film(tmp_path / "b.mp4", images[:3], range(3))
    with pytest.raises(ValueError, match="expected a video of a face, got 3 frames without one"):
        load_motion(path, arkit_head)


def test_files_that_are_no_video(tmp_path, arkit_head, images):
    path = film(tmp_path / "a.mp4", images[:2])
    for content in (b"", b"words", path.read_bytes()[:900]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="a.mp4: expected a video"):
            load_motion(path, arkit_head)


def test_frames_are_fitted_by_themselves_to_one_identity(arkit_head, acted, monkeypatch):
    """How many are fitted at once makes no difference, so memory needs not grow."""
    objective = LandmarkObjective(arkit_head, torch.rand(1, 478, 2))
    points = np.full((5, 478, 2), 128, np.float32)
    points[:, objective.on.numbers] += 900 * objective.neutral[:, :2].numpy() * [1, -1]
    points += np.random.default_rng(1).normal(size=points.shape).astype(np.float32)
    whole = fit_points(arkit_head, points, 30.0)
    monkeypatch.setattr("clipface.animation.video_frames.BATCH", 2)
    parts = fit_points(arkit_head, points, 30.0)
    for one, other in zip(whole.parts, parts.parts, strict=True):
        torch.testing.assert_close(one, other, atol=2e-3, rtol=1e-3)
