import pytest
import torch
from fitted_heads import two_heads

from clipface import assets
from clipface.bake.mask import FaceMask
from clipface.head import HeadModel, read_open_head
from clipface.render.camera import project

SIZE = 256
# All that FLAME"s masks name.
FLAME_REGIONS = (
    "face", "neck", "scalp", "boundary", "right_eyeball", "left_eyeball", "right_ear", "left_ear", "forehead",
    "eye_region", "nose", "lips", "right_eye_region", "left_eye_region",
)  # fmt: skip
SKIN, HAIR = torch.tensor([0.75, 0.55, 0.45]), torch.tensor([0.12, 0.08, 0.06])


@pytest.fixture(scope="module")
def scene(open_head):
    """Two heads of plain skin before grey, softly lit, with a little noise; who is where, in crop pixels."""
    head, renderer = open_head
    fit = two_heads(head)
    vertices = head(fit.shape, fit.expression, fit.pose)
    drawn = renderer(vertices, None, fit.camera, SIZE, background=0.5)
    clay = renderer(vertices, None, fit.camera, SIZE, background=0.0)
    lit = clay.image.mean(1, keepdim=True) * SKIN.view(1, 3, 1, 1) / 0.7
    image = lit * drawn.mask + 0.5 * (1 - drawn.mask)
    image = image + 0.02 * torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    places = (project(vertices, fit.camera)[..., :2] + 1) / 2 * SIZE
    person = (drawn.mask[:, 0] > 0.5).byte() * 255
    return FaceMask(head, renderer), fit, image, person, places, head


def _mask(scene, image, person=None, inside=None):
    find, fit, _, everyone, _, _ = scene
    pixels = (image.clamp(0, 1) * 255).byte().permute(0, 2, 3, 1)
    inside = torch.ones(2, SIZE, SIZE, dtype=torch.bool) if inside is None else inside
    return find(fit, pixels, everyone if person is None else person, inside).float() / 255


def _at(mask, places, vertices):
    x, y = places[vertices].round().long().clamp(0, SIZE - 1).unbind(1)
    return mask[y, x]


def test_the_face_is_in_and_neck_scalp_and_background_are_out(scene):
    *_, image, person, places, head = scene
    mask = _mask(scene, image)
    front = head.regions["nose"] & (head.v_template[:, 2] > 0.06)
    assert _at(mask[0], places[0], front).mean() > 0.95
    assert _at(mask[0], places[0], head.regions["neck"] & (head.v_template[:, 1] < -0.09)).mean() < 0.05
    top = head.regions["scalp"] & (head.v_template[:, 1] > 0.12)
    assert _at(mask[0], places[0], top).max() == 0
    assert mask[person == 0].max() < 0.1


def test_the_open_mouth_is_out_and_the_eyes_are_in(scene):
    find, fit, image, person, *_ = scene
    head = scene[-1]
    pose = fit.pose.clone()
    pose[:, 3] = 0.35
    opened = find(
        fit._replace(pose=pose), (image.clamp(0, 1) * 255).byte().permute(0, 2, 3, 1), person,
        torch.ones(2, SIZE, SIZE, dtype=torch.bool),
    ).float() / 255  # fmt: skip
    places = (project(head(fit.shape, fit.expression, pose), fit.camera)[..., :2] + 1) / 2 * SIZE
    middle = places[0][head.regions["tongue"]].mean(0).round().long()
    assert opened[0, middle[1], middle[0]] == 0
    iris = places[0][head.regions["iris"] & head.regions["left_eyeball"]].mean(0).round().long()
    assert opened[0, iris[1], iris[0]] > 0.5


def test_hair_over_the_forehead_is_taken_off_and_a_beard_stays(scene):
    *_, image, person, places, head = scene
    fringe, beard = image.clone(), image.clone()
    brow = int(places[0][head.regions["brows"]][:, 1].min()) - 12
    strands = HAIR.view(3, 1, 1) * (0.8 + 0.4 * torch.rand(1, SIZE, SIZE, generator=torch.Generator().manual_seed(1)))
    around = person[0] > 0
    rows = torch.arange(SIZE).view(-1, 1).expand(SIZE, SIZE)
    over = around & (rows < brow)
    fringe[0] = torch.where(over, strands, fringe[0])
    plain, covered = _mask(scene, image)[0], _mask(scene, fringe)[0]
    forehead = over & (plain > 0.5)
    assert forehead.sum() > 200  # the forehead would be seen
    assert covered[forehead].mean() < 0.05
    below = (rows > brow + 6) & (plain > 0.5)
    assert covered[below].mean() > 0.95
    mouth, chin = places[0][head.regions["lips"]].mean(0), places[0][head.regions["face"]][:, 1].max()
    columns = torch.arange(SIZE).view(1, -1).expand(SIZE, SIZE)
    goatee = (rows > mouth[1] + 8) & (rows < chin - 8) & ((columns - mouth[0]).abs() < 12)
    beard[0] = torch.where(goatee, strands, beard[0])
    assert _mask(scene, beard)[0][goatee & (plain > 0.5)].mean() > 0.9


def test_what_is_no_person_or_no_photograph_is_out(scene):
    *_, image, person, places, head = scene
    nobody, outside = person.clone(), torch.ones(2, SIZE, SIZE, dtype=torch.bool)
    nobody[:, :, : SIZE // 2] = 0
    outside[:, SIZE // 2 :] = False
    assert _mask(scene, image, person=nobody)[:, :, : SIZE // 2 - 4].max() == 0
    assert _mask(scene, image, inside=outside)[:, SIZE // 2 + 4 :].max() == 0


def test_batch_and_single_agree(scene):
    find, fit, image, person, *_ = scene
    pixels = (image.clamp(0, 1) * 255).byte().permute(0, 2, 3, 1)
    inside = torch.ones(2, SIZE, SIZE, dtype=torch.bool)
    both = find(fit, pixels, person, inside).int()
    alone = find(fit.select([1]), pixels[1:], person[1:], inside[1:]).int()
    assert (both[1] - alone[0]).abs().float().mean() < 0.5


def test_a_head_without_regions_is_refused(open_head):
    head, renderer = open_head

    class Nameless:
        regions, faces, source = {"toes": head.regions["lips"]}, head.faces, "a head of toes"

    with pytest.raises(ValueError, match="toes"):
        FaceMask(Nameless(), renderer)


def test_a_head_with_flames_regions_gives_nearly_the_same_mask(scene, open_head):
    _, fit, image, person, _, head = scene
    data = read_open_head(assets.resolve("open_head"))
    data.regions = {name: data.regions[name] for name in FLAME_REGIONS}
    find = FaceMask(HeadModel(data), open_head[1])
    pixels = (image.clamp(0, 1) * 255).byte().permute(0, 2, 3, 1)
    mask = find(fit, pixels, person, torch.ones(2, SIZE, SIZE, dtype=torch.bool)).float() / 255
    both = torch.stack([mask, _mask(scene, image)]) > 0.5
    assert both.all(0).sum() > 0.93 * both.any(0).sum()
