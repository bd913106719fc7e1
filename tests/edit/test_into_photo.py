"""Edited heads are put back where the photograph shows bare skin, and nowhere else."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from scipy.ndimage import binary_dilation, binary_erosion

from clipface.bake.baker import vertices_of
from clipface.bake.texture import plain_skin
from clipface.edit.into_photo.compose import HeadState, IntoPhoto
from clipface.edit.into_photo.window import Window
from clipface.head.regions import region_mask
from clipface.photos.detection import FaceDetector
from clipface.render.camera import project
from clipface.render.uv import UVMap
from tests.helpers.fitted_heads import two_heads

pytest.importorskip("onnxruntime")
GREY = 0.55
EDGE = 0.05  # of the head's size, around the fitted silhouette: ears of people lie there


class Scene:
    """A photograph of a painted head, 1.6 times as large as the square that its head was fitted to."""

    def __init__(self, head, renderer, size=(760, 820), scale=1.2):
        self.head, self.renderer = head, renderer
        self.fit = two_heads(head).select([0])
        # The crop's pixels are smaller than the photograph's, and it is turned a little.
        turn = np.deg2rad(4)
        across = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) / scale
        self.matrix = np.eye(3)
        self.matrix[:2, :2] = across
        self.matrix[:2, 2] = 256 - across @ np.array([size[1] / 2, size[0] / 2])
        self.texture = plain_skin(head, renderer, 256)[None]
        self.before = HeadState(self.texture, vertices_of(head, self.fit))
        self.put = IntoPhoto(head, renderer)
        self.photograph, self.cover = self.render(self.texture, size)

    def render(self, texture, size):
        camera = Window(0, 0, size[1], size[0], size[1], size[0]).camera(self.fit, self.matrix)
        rendered = self.renderer(self.before.vertices, texture, camera, size, GREY, supersample=2)
        image = (rendered.image[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy().copy()
        return image, rendered.mask[0, 0].numpy()

    def painted(self, colour, region):
        """The texture with a region in one colour."""
        where = UVMap(self.head, 256).region([region])
        return torch.where(where, torch.tensor(colour)[:, None, None], self.texture[0])[None]

    def edit(self, texture=None, vertices=None, photograph=None):
        after = self.before._replace(
            texture=self.texture if texture is None else texture,
            vertices=self.before.vertices if vertices is None else vertices,
        )
        photograph = self.photograph if photograph is None else photograph
        return self.put(photograph, self.fit, self.matrix, self.before, after)


@pytest.fixture(scope="module")
def scene(open_head):
    return Scene(*open_head)


def change(scene, edited, photograph=None):
    photograph = scene.photograph if photograph is None else photograph
    return np.abs(edited.astype(int) - photograph).max(-1)


def test_without_an_edit_no_bit_changes(scene):
    assert (scene.edit() == scene.photograph).all()


def test_an_edit_of_all_skin_is_seen_on_the_head_only(scene):
    green = (scene.texture * torch.tensor([0.4, 1.0, 0.5])[:, None, None]).clamp(0, 1)
    edited = scene.edit(green)
    expected, _ = scene.render(green, scene.photograph.shape[:2])
    moved = change(scene, edited)
    rows, columns = np.nonzero(scene.cover > 0)
    reach = round(EDGE * (rows.max() - rows.min()))
    assert not moved[~binary_dilation(scene.cover > 0, iterations=reach)].any()
    # Face, neck and the bald scalp, up to the soft edge and above the neck's end.
    inner = binary_erosion(scene.cover > 0.99, iterations=reach)
    inner[round(rows.min() + 0.75 * (rows.max() - rows.min())) :] = False
    away = np.abs(edited.astype(int) - expected).max(-1)[inner]
    assert np.mean(away < 25) > 0.93, np.percentile(away, [50, 90, 95, 99])


def test_lipstick_changes_the_lips_alone(scene):
    edited = scene.edit(scene.painted([0.8, 0.05, 0.1], "lips"))
    moved = change(scene, edited)
    rows, columns = np.nonzero(moved > 2)
    assert len(rows) > 300
    lips = scene.before.vertices[0, region_mask(scene.head, "lips")]
    height, width = moved.shape
    camera = Window(0, 0, width, height, width, height).camera(scene.fit, scene.matrix)
    at = (project(lips[None], camera)[0, :, :2] + 1) / 2 * torch.tensor([width, height])
    low, high = at.amin(0) - 5, at.amax(0) + 5
    assert columns.min() > low[0] and columns.max() < high[0]
    assert rows.min() > low[1] and rows.max() < high[1]


def test_dark_hair_before_the_face_stays(scene):
    photograph = scene.photograph.copy()
    rows, _ = np.nonzero(scene.cover > 0)
    top = rows.min()
    hair = np.zeros(scene.cover.shape, bool)
    hair[top : top + (rows.max() - top) // 4] = scene.cover[top : top + (rows.max() - top) // 4] > 0
    noise = np.random.default_rng(0).integers(0, 25, (*hair.shape, 1), np.uint8)
    photograph[hair] = (np.array([30, 22, 18], np.uint8) + noise)[hair]
    edited = scene.edit((scene.texture * 0.4 + 0.6).clamp(0, 1), photograph=photograph)
    moved = change(scene, edited, photograph)
    assert moved[scene.cover > 0.5].max() > 40  # the face became white
    assert moved[binary_erosion(hair, iterations=8)].max() <= 2


class HandOnCheek(FaceDetector):
    """Finds a hand where none is: the repository holds no photograph of one."""

    def hands(self, image):
        """An open hand, its fingers up, on the image's left of the face."""
        fingers = [[(14 * (column - 2), -20 - 8 * (row + 1)) for row in range(4)] for column in range(5)]
        joints = [(0, 24), *(joint for finger in fingers for joint in finger)]
        return [np.array(joints, np.float32) + len(image) * np.array([0.4, 0.55], np.float32)]


def test_a_hand_before_the_face_stays(scene, monkeypatch):
    white = (scene.texture * 0.4 + 0.6).clamp(0, 1)
    without = change(scene, scene.edit(white))
    monkeypatch.setattr(scene.put, "detector", HandOnCheek())
    moved = change(scene, scene.edit(white))
    (joints,) = scene.put.detector.hands(np.zeros((512, 512, 3), np.uint8))
    places = np.c_[joints, np.ones(21)] @ np.linalg.inv(scene.matrix).T
    columns, rows = places[:, :2].round().astype(int).T
    assert without[rows, columns].min() > 20 and moved[rows, columns].max() == 0
    kept = (without > 20) & (moved <= 2)
    assert 0.03 < kept.sum() / (without > 20).sum() < 0.3, "the hand, and not the face"


def test_an_opened_jaw_moves_the_chin_and_leaves_the_background(scene):
    expression = torch.zeros(1, scene.head.n_expression)
    expression[0, scene.head.expression_names.index("jawOpen")] = 0.7
    vertices = vertices_of(scene.head, scene.fit._replace(expression=expression))
    edited = scene.edit(vertices=vertices)
    height, width = scene.cover.shape
    camera = Window(0, 0, width, height, width, height).camera(scene.fit, scene.matrix)
    expected = scene.renderer(vertices, scene.texture, camera, (height, width), GREY, supersample=2).image[0]
    expected = expected.clamp(0, 1).permute(1, 2, 0).numpy() * 255
    before = np.abs(scene.photograph - expected).mean()
    assert np.abs(edited - expected).mean() < 0.4 * before
    assert (edited[:20] == scene.photograph[:20]).all()
    assert (edited[:, :20] == scene.photograph[:, :20]).all()


def test_a_larger_photograph_gets_the_same_edit(open_head, scene):
    larger = Scene(*open_head, size=(2280, 2460), scale=3.6)
    green = (larger.texture * torch.tensor([0.4, 1.0, 0.5])[:, None, None]).clamp(0, 1)
    small = scene.edit(green)
    edited = larger.edit(green)
    assert edited.shape == (2280, 2460, 3)
    reduced = np.asarray(Image.fromarray(edited).reduce(3), int)
    away = np.abs(reduced - small).max(-1)
    assert np.mean(away < 20) > 0.97


def test_a_head_beside_the_photograph_is_refused(scene):
    matrix = scene.matrix.copy()
    matrix[0, 2] += 5000
    with pytest.raises(ValueError, match="matrix: expected a head inside the photograph"):
        scene.put(scene.photograph, scene.fit, matrix, scene.before, scene.before)


def test_rims_of_glasses_stay(scene):
    photograph = Image.fromarray(scene.photograph)
    height, width = scene.cover.shape
    camera = Window(0, 0, width, height, width, height).camera(scene.fit, scene.matrix)
    eyeballs = [scene.before.vertices[:, region_mask(scene.head, f"{side}_eyeball")] for side in ("right", "left")]
    at = [(project(eye, camera)[0, :, :2].mean(0) + 1) / 2 * torch.tensor([width, height]) for eye in eyeballs]
    (right, y), (left, y2) = (each.tolist() for each in at)
    unit, drawn = left - right, Image.new("L", photograph.size)
    pen = ImageDraw.Draw(drawn)
    for x, row in ((right, y), (left, y2)):
        box = (x - 0.4 * unit, row - 0.3 * unit, x + 0.4 * unit, row + 0.34 * unit)
        pen.rounded_rectangle(box, 20, outline=255, width=7)
    pen.line((right + 0.4 * unit, y, left - 0.4 * unit, y2), 255, 7)
    photograph.paste((25, 20, 20), mask=drawn)
    edited = scene.edit((scene.texture * 0.4 + 0.6).clamp(0, 1), photograph=np.asarray(photograph))
    moved = change(scene, edited, np.asarray(photograph))
    rims = binary_erosion(np.asarray(drawn) > 0, iterations=1)
    assert np.mean(moved[rims] <= 2) > 0.97
    assert np.median(moved[int(y + 0.5 * unit) : int(y + 0.6 * unit), int(right) : int(left)]) > 20  # the cheeks
