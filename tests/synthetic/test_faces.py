import pytest
import torch

from clipface.synthetic.attributes import CHOICES, LOOKS, Attributes
from clipface.synthetic.canvas import grey

RESOLUTION = 64


def paint(painter, faces, seed=0, base=None, keep=()):
    return painter.painter.paint(faces, torch.Generator().manual_seed(seed), base, keep=keep)


def face_mean(painter, texture):
    """Mean colour [B, 3] over the front of the face."""
    area = painter.painter.features.face * painter.painter.features.front
    return (texture * area).sum((2, 3)) / area.sum()


def test_a_batch_has_the_promised_shapes_and_ranges(painter, generator):
    batch = painter.sample(5, generator, size=32)
    assert batch.image.shape == (5, 3, 32, 32) and batch.mask.shape == (5, 1, 32, 32)
    assert batch.texture.shape == (5, 3, RESOLUTION, RESOLUTION)
    assert len(batch.captions) == len(batch.attributes) == 5
    for image in (batch.image, batch.mask, batch.texture):
        assert torch.isfinite(image).all() and image.min() >= 0 and image.max() <= 1 + 1e-6
    assert batch.camera.shape == (5, 4, 4) and batch.expression.shape == (5, painter.head.n_expression)
    assert 0.2 < batch.mask.mean() < 0.8


def test_same_state_same_batch_and_next_batch_differs(painter):
    one, two = torch.Generator().manual_seed(3), torch.Generator().manual_seed(3)
    first, again, following = painter.sample(2, one, 32), painter.sample(2, two, 32), painter.sample(2, one, 32)
    assert torch.equal(first.image, again.image) and first.captions == again.captions
    assert not torch.equal(first.texture, following.texture)


def test_the_head_parameters_draw_the_picture_again(painter, generator):
    batch = painter.sample(2, generator, 32, background=1.0)
    vertices = painter.head(batch.shape, batch.expression, batch.pose, batch.neck_pose, batch.eye_pose)
    again = painter.renderer(vertices, batch.texture, batch.camera, 32, 1.0)
    assert torch.allclose(again.image, batch.image, atol=1e-5)


def test_asked_for_attributes_are_painted(painter, generator):
    batch = painter.sample(4, generator, 32, attributes={"look": "zombie", "sex": "woman"})
    assert all(face.look == "zombie" and face.sex == "woman" for face in batch.attributes)
    with pytest.raises(ValueError, match="attributes: expected 3 faces"):
        painter.sample(3, generator, 32, attributes=[Attributes()])


def test_plain_background(painter, generator):
    batch = painter.sample(2, generator, 32, background=0.5)
    outside = (batch.mask == 0).expand_as(batch.image)
    assert torch.allclose(batch.image[outside], torch.tensor(0.5))


@pytest.mark.parametrize("look", LOOKS[1:])
def test_every_look_changes_the_face(painter, look):
    plain, styled = (paint(painter, [Attributes(look=name)]) for name in ("none", look))
    assert torch.isfinite(styled).all() and 0 <= styled.min() and styled.max() <= 1
    assert float((plain - styled).abs().mean()) > 0.01


@pytest.mark.parametrize(
    "name", ["makeup", "beard", "skin", "hair", "age", "lipstick", "freckles", "tired", "scar", "moustache"]
)
def test_every_attribute_shows(painter, name):
    textures = [paint(painter, [Attributes(sex="man", **{name: value})]) for value in CHOICES[name]]
    changed = [float((texture - textures[0]).abs().amax()) for texture in textures[1:]]
    assert min(changed) > 0.03 and max(changed) > 0.1


def test_colours_are_what_their_names_say(painter):
    textures = paint(painter, [Attributes(skin=skin) for skin in CHOICES["skin"] for _ in range(6)])
    textures = face_mean(painter, textures).view(-1, 18).mean(1)
    assert (textures[:-1] > textures[1:]).all()  # named from light to dark
    blue = face_mean(painter, paint(painter, [Attributes(look="avatar")]))[0]
    green = face_mean(painter, paint(painter, [Attributes(look="orc")]))[0]
    red = face_mean(painter, paint(painter, [Attributes(look="demon")]))[0]
    assert blue.argmax() == 2 and green.argmax() == 1 and red.argmax() == 0


def test_skin_has_structure_and_relief(painter):
    texture = paint(painter, [Attributes(skin="fair", hair="bald")])
    features = painter.painter.features
    area = (features.face * features.front)[0, 0] > 0.9
    tone = grey(texture)[0, 0]
    fine = (tone - torch.nn.functional.avg_pool2d(tone[None], 5, 1, 2)[0])[area]
    assert 0.004 < float(fine.std()) < 0.1  # pores and blotches, not flat and not sand
    under_chin = features.surface.ambient[0, 0][area]
    assert float(torch.corrcoef(torch.stack([under_chin, tone[area]]))[0, 1]) > 0.1  # hollows are darker


def test_layers_go_over_any_base_and_leave_it_elsewhere(painter):
    base = torch.rand(1, 3, 1, 1).expand(1, 3, RESOLUTION, RESOLUTION).contiguous()
    kept = base.clone()
    lipstick = paint(painter, [Attributes(lipstick="red")], base=base)
    plain = paint(painter, [Attributes()], base=base)
    assert torch.equal(base, kept)
    lips = painter.painter.features.lip_edge[0, 0] > 2
    assert float((lipstick - plain)[0].abs().mean(0)[lips].mean()) > 0.05
    forehead = painter.painter.features.blob(0, painter.painter.features.brow_top + 20, 9, 9)[0, 0] > 0.5
    assert float((lipstick - plain)[0].abs().mean(0)[forehead].max()) < 0.02
    with pytest.raises(ValueError, match="base"):
        paint(painter, [Attributes()], base=base[:, :, :8])


def test_photographs_are_not_painted_into(painter, generator):
    """Not by layers that only some of the faces have, either."""
    base = torch.rand(3, 3, RESOLUTION, RESOLUTION, generator=generator)
    kept = base.clone()
    faces = [Attributes(freckles=True, scar=True), Attributes(age="old", tired=True), Attributes(look="sketch")]
    batch = painter.sample(3, generator, 16, attributes=faces, base=base)
    assert torch.equal(base, kept) and not torch.equal(batch.texture, base)


def test_a_photograph_keeps_its_brows_unless_a_look_has_its_own(painter):
    base = torch.full((1, 3, RESOLUTION, RESOLUTION), 0.6)
    features = painter.painter.features
    near, along = features.brow_distance[0, 0] < 2, features.brow_along[0, 0]
    brows = (features.front[0, 0] > 0.5) & near & (along > 0.2) & (along < 0.8)
    own = ("eyes", "hair_colour")
    plain, doll = (paint(painter, [Attributes(look=x)], base=base, keep=own)[0][:, brows] for x in ("none", "barbie"))
    fresh = paint(painter, [Attributes(hair_colour="black")])[0][:, brows]
    assert float((plain - 0.6).abs().max()) < 0.05
    assert float((doll - 0.6).abs().max()) > 0.15 and float(fresh.min()) < 0.2


def test_a_hair_colour_dyes_the_brows_of_a_photograph_strand_by_strand(painter):
    base = torch.full((1, 3, RESOLUTION, RESOLUTION), 0.6)
    features = painter.painter.features
    brows = (features.front > 0.5) & (features.brow_distance < 2) & (features.brow_along > 0.2)
    brows = brows & (features.brow_along < 0.8)
    base = torch.where(brows, base * 0.3, base)
    dyed = [paint(painter, [Attributes(hair_colour=colour)], base=base) for colour in ("black", "blond", "white")]
    tones = [float(grey(image)[brows].mean()) for image in dyed]
    assert tones[0] < 0.15 < tones[1] < tones[2] - 0.1


def test_smiles_raise_the_mouth_corners_and_anger_lowers_the_brows(painter, generator):
    def landmarks(expression):
        batch = painter.sample(6, generator, 16, attributes={"expression": expression, "look": "none"})
        still = painter.head.landmarks(painter.head(batch.shape))
        return (painter.head.landmarks(painter.head(batch.shape, batch.expression)) - still).mean(0)

    assert landmarks("smiling")[[48, 54], 1].min() > 0.002
    assert landmarks("angry")[19:25, 1].max() < -0.001
    assert landmarks("surprised")[19:25, 1].min() > 0.001


def test_both_sides_move_together(painter, generator):
    names = list(painter.head.expression_names)
    batch = painter.sample(8, generator, 16, attributes={"expression": "smiling", "look": "none"})
    left, right = (batch.expression[:, names.index(f"mouthSmile{side}")] for side in ("Left", "Right"))
    assert (left > 0.3).all() and float((left - right).abs().max()) < 0.45
