"""Masks of regions on the open head and on one with FLAME's names: where they lie, and that the rest stays."""

from dataclasses import replace

import pytest
import torch

from clipface import assets
from clipface.edit.regions import REGIONS, available_regions, blend, edit_mask
from clipface.head import HeadModel
from clipface.head.open_head import read_open_head

SIZE = 96
FLAME_NAMES = ("face", "neck", "scalp", "boundary", "right_eyeball", "left_eyeball", "right_ear", "left_ear",
               "forehead", "eye_region", "nose", "lips", "right_eye_region", "left_eye_region")  # fmt: skip


@pytest.fixture(scope="module")
def data():
    return read_open_head(assets.resolve("open_head"))


@pytest.fixture(scope="module")
def heads(data) -> dict[str, HeadModel]:
    flame = replace(data, regions={name: data.regions[name] for name in FLAME_NAMES})
    bare = replace(flame, landmark_faces=None, landmark_barycentric=None)
    return {"open": HeadModel(data), "flame": HeadModel(flame), "no landmarks": HeadModel(bare)}


@pytest.mark.parametrize("kind", ["open", "flame"])
@pytest.mark.parametrize("name", REGIONS)
def test_texels_outside_every_region_stay_bit_for_bit(heads, kind, name):
    mask = edit_mask(heads[kind], name, SIZE)
    before, after = torch.rand(2, 2, 3, SIZE, SIZE)
    blended = blend(before, after, mask)
    outside, inside = mask[0] == 0, mask[0] == 1
    assert mask.shape == (1, SIZE, SIZE) and mask.min() == 0 and mask.max() == 1
    assert torch.equal(blended[..., outside], before[..., outside])
    assert torch.equal(blended[..., inside], after[..., inside])
    border = ~(outside | inside)
    assert name == "eyeballs" or border.any(), "soft, but for eyeballs, which touch nothing on the chart"
    assert not border.any() or (blended != before).any(1)[:, border].float().mean() > 0.95


def test_every_head_serves_every_region_and_all_its_own(heads):
    for kind in ("open", "flame"):
        assert set(available_regions(heads[kind])) == set(REGIONS) | set(heads[kind].regions)
    without = available_regions(heads["no landmarks"])
    assert {"lips", "nose", "eyeballs", "scalp"} <= set(without)
    assert not {"brows", "cheeks", "eyelids", "skin"} & set(without)  # laid out from landmarks


def test_an_unknown_region_lists_the_known_ones(heads):
    with pytest.raises(ValueError, match=r"brows, cheeks, .*lips, .*got 'lip'"):
        edit_mask(heads["open"], "lip", SIZE)
    with pytest.raises(ValueError, match="expected one or more of .*nose.*, got 'brows'"):
        edit_mask(heads["no landmarks"], "brows", SIZE)


def test_regions_are_where_their_landmarks_are(heads):
    """A texel's place on the head, found through the triangle that holds each landmark."""
    head = heads["open"]
    corners = head.uv[head.uv_faces.long()]  # [F, 3, 2]
    triangles = (head.faces.long()[:, None] == head._landmark_corners[None]).all(-1).float().argmax(0)
    places = (corners[triangles] * head._landmark_barycentric[..., None]).sum(1)
    columns, rows = (places[:, 0] * SIZE).long(), ((1 - places[:, 1]) * SIZE).long()
    at = {name: edit_mask(head, name, SIZE)[0, rows, columns] for name in ("lips", "brows", "nose", "eyelids", "skin")}
    assert (at["lips"][[48, 51, 54, 57]] > 0.2).all() and at["lips"][:48].max() == 0
    assert (at["brows"][17:27] > 0.9).all() and at["brows"][27:].max() == 0
    assert (at["nose"][[27, 30]] > 0.5).all() and at["nose"][:17].max() == 0
    assert (at["eyelids"][36:48] > 0.5).all() and at["eyelids"][48:].max() == 0
    assert (at["skin"][[8, 27]] > 0.9).all() and at["skin"][[19, 24, 51, 57]].max() < 0.5


def test_the_border_has_the_same_width_at_every_size(heads):
    small, large = (edit_mask(heads["open"], "cheeks", size) for size in (128, 256))
    assert small.mean() == pytest.approx(large.mean().item(), rel=0.06)


def test_regions_are_joined_and_symmetric(heads):
    head = heads["open"]
    joined = edit_mask(head, "lips+brows", SIZE)
    assert torch.equal(joined, torch.maximum(edit_mask(head, "lips", SIZE), edit_mask(head, "brows", SIZE)))
    brows = edit_mask(head, "brows", SIZE)[0]
    left, right = brows[:, : SIZE // 2].sum(), brows[:, SIZE // 2 :].sum()
    assert left == pytest.approx(right.item(), rel=0.1)


def test_a_mask_carries_gradient_inside_only(heads):
    mask = edit_mask(heads["open"], "nose", SIZE)
    before, after = torch.rand(2, 1, 3, SIZE, SIZE).requires_grad_().unbind()
    (gradient,) = torch.autograd.grad(blend(before, after, mask).sum(), after)
    torch.testing.assert_close(gradient[0, :1], mask)
