import pytest
import torch

from clipface.edit.persons.detail import keep_detail


@pytest.fixture
def textures():
    random = torch.Generator().manual_seed(0)
    return [torch.rand(*shape, generator=random) for shape in ((2, 3, 64, 64), (2, 3, 16, 16), (2, 3, 16, 16))]


@pytest.mark.parametrize("size", [16, 64])
def test_nothing_changes_where_an_edit_changes_nothing(textures, size):
    before = textures[1]
    detail = textures[0][..., :size, :size]
    assert torch.equal(keep_detail(detail, before, before), detail)
    after = before.clone()
    after[..., :4, :4] = 1 - after[..., :4, :4]
    changed = (keep_detail(detail, before, after) != detail).any(1)
    scale = size // 16
    assert changed[:, : 4 * scale, : 4 * scale].float().mean() > 0.9
    assert not changed[:, 8 * scale :].any() and not changed[..., 8 * scale :].any()


def test_an_edit_adds_to_the_detail(textures):
    detail, before, after = textures
    once = keep_detail(0.5 + 0.1 * (detail - 0.5), before, before + 0.09)
    torch.testing.assert_close(once, 0.59 + 0.1 * (detail - 0.5))
    one = keep_detail(detail[:1], before, after)
    assert one.shape == detail.shape and torch.equal(one[1], keep_detail(detail[:1], before[1:], after[1:])[0])


def test_gradients_reach_all_three(textures):
    parts = [(0.4 + 0.2 * part[:1, :, :8, :8].double()).requires_grad_() for part in textures]
    parts[0] = 0.5 + 0 * parts[0].repeat_interleave(2, 2).repeat_interleave(2, 3).detach()
    parts[0].requires_grad_()
    assert torch.autograd.gradcheck(keep_detail, parts)


def test_shapes_that_do_not_fit_are_refused(textures):
    with pytest.raises(ValueError, match="after: expected shape"):
        keep_detail(textures[0], textures[1], textures[0])


def test_where_an_edit_covers_the_skin_its_own_marks_are_gone(textures):
    mole = textures[0] * 0.2
    dark, white = torch.full_like(textures[1], 0.1), torch.full_like(textures[1], 0.8)
    torch.testing.assert_close(keep_detail(mole, dark, white), torch.full_like(mole, 0.8))
    paths = torch.stack([keep_detail(mole, dark, dark.lerp(white, s / 20)) for s in range(21)])
    assert (paths.diff(dim=0) >= 0).all()
