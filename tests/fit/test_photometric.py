import pytest
import torch
from fitted_heads import two_heads
from torch.nn import functional

from clipface.bake.baker import Baker
from clipface.bake.head_fit import shading
from clipface.fit.correspondence import correspondence
from clipface.fit.fitter import Fitter
from clipface.fit.landmarks import LandmarkObjective
from clipface.fit.photometric import Photometric, PhotometricSettings, distance_outside
from clipface.render.camera import project
from clipface.render.shading import vertex_normals
from clipface.texture.linear import load_texture_model

SIZE = 128


@pytest.fixture(scope="module")
def stage(open_head):
    """A photometric fit, and images [2, S, S, 3] drawn from known heads, light and texture coefficients."""
    head, renderer = open_head
    model, _ = load_texture_model(head)
    refinement = Photometric(Baker(head, renderer, model.size), model, PhotometricSettings(size=64, steps=20))
    truth = two_heads(head)
    texture = torch.randn(2, model.count, generator=torch.Generator().manual_seed(3)) * 0.8
    light = truth.light.clone()
    light[:, 1], light[:, 2] = 0.12, -0.1
    truth = truth._replace(texture=texture, light=light)
    vertices = head(truth.shape, truth.expression, truth.pose)
    shade = shading(vertex_normals(vertices, head.faces), light)
    drawn = renderer(vertices, model(texture), truth.camera, SIZE, 0.3, light=shade)
    crops = (drawn.image.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1)
    person = (drawn.mask[:, 0] > 0.5).byte() * 255
    points = torch.zeros(2, 478, 2)
    on = correspondence(head)
    points[:, on.numbers] = project(on.on(vertices), truth.camera)[..., :2]
    return refinement, truth, crops, person, points


def _difference(refinement, fit, crops):
    target = functional.avg_pool2d(crops.permute(0, 3, 1, 2).float() / 255, 2)
    vertices = refinement.head(fit.shape, fit.expression, fit.pose, None, fit.eye_pose)
    image, known = refinement.render(fit, vertices, 64)
    return float(((image - target).abs() * known).sum() / known.sum() / 3)


def _places(head, fit):
    """[2, V', 2] where the face's vertices lie in the crop."""
    vertices = head(fit.shape, fit.expression, fit.pose)[:, head.regions["face"]]
    return project(vertices, fit.camera)[..., :2].detach()


def test_light_and_texture_start_near_the_truth(stage):
    refinement, truth, crops, person, _ = stage
    start = refinement.start(truth._replace(texture=truth.texture * 0), crops, person)
    assert _difference(refinement, start, crops) < 0.02
    plain = start._replace(texture=start.texture * 0)
    assert _difference(refinement, start, crops) < 0.6 * _difference(refinement, plain, crops)


def test_refining_brings_the_picture_nearer(stage):
    refinement, truth, crops, person, points = stage
    moved = truth._replace(translation=truth.translation + 0.005, texture=truth.texture[:, :0])
    objective = LandmarkObjective(refinement.head, points, weights=torch.full((1, 1), 0.05))
    inside = torch.ones(2, SIZE, SIZE, dtype=torch.bool)
    fit = refinement.refine(objective, moved, crops, person, person, inside)
    before = _difference(refinement, refinement.start(moved, crops, person), crops)
    assert _difference(refinement, fit, crops) < 0.88 * before
    true = _places(refinement.head, truth)
    after, at_first = ((_places(refinement.head, one) - true).norm(dim=2).mean() for one in (fit, moved))
    assert after < 0.5 * at_first
    assert not any(part.requires_grad for part in fit)


def test_gradient_reaches_every_part(stage):
    refinement, truth, crops, person, _ = stage
    fit = type(truth)(*(part.clone().requires_grad_() for part in truth))
    target = functional.avg_pool2d(crops.permute(0, 3, 1, 2).float() / 255, 2) * 0.9
    outside = distance_outside(torch.zeros(2, 64, 64, dtype=torch.bool))
    refinement.loss(fit, target, torch.ones(2, 1, 64, 64), outside).sum().backward()
    for name in ("shape", "expression", "pose", "scale", "translation", "light", "texture"):
        gradient = getattr(fit, name).grad
        assert torch.isfinite(gradient).all() and gradient.abs().max() > 0, name


def test_a_head_that_sticks_out_of_the_person_costs_more(stage):
    refinement, truth, crops, person, _ = stage
    target = functional.avg_pool2d(crops.permute(0, 3, 1, 2).float() / 255, 2)
    nothing = torch.zeros(2, 1, 64, 64)
    whole = distance_outside(person[:, ::2, ::2] > 0)
    narrow = person[:, ::2, ::2] > 0
    narrow[:, :, :28] = False
    costs = [refinement.loss(truth, target, nothing, outside) for outside in (whole, distance_outside(narrow))]
    assert (costs[1] > costs[0] + 10).all()


def test_the_whole_fit_gives_every_part(open_head, stage):
    *_, truth, crops, person, points = stage
    fitter = Fitter(*open_head)
    fitter.refinement.settings.steps = 3
    inside = torch.ones(2, SIZE, SIZE, dtype=torch.bool)
    pixels = (points + 1) / 2 * SIZE
    both = fitter(crops, pixels, person, inside)
    assert both.mask.shape == (2, SIZE, SIZE) and both.mask.dtype == torch.uint8
    assert both.visibility.shape == (2, 64, 64) and both.visibility.float().mean() > 20
    assert both.fit.texture.shape[1] == fitter.refinement.model.count and both.fit.light.shape == (2, 9, 3)
