"""Faces in motion: windows, still edits, strengths."""

import pytest
import torch

from clipface.animation import Motion, importance
from clipface.edit.apply import animate
from clipface.edit.loading import load_avatar
from clipface.edit.mapper import FaceMapper
from clipface.edit.sampling import sample_latents
from clipface.edit.video_mapper import VideoMapper
from clipface.settings import HeadConfig, RendererConfig

FRAMES = 7


@pytest.fixture
def avatar(tiny_files, monkeypatch):
    monkeypatch.setenv("CLIPFACE_DATA", str(tiny_files))
    return load_avatar(None, HeadConfig(), RendererConfig())


@pytest.fixture
def motion(avatar) -> Motion:
    torch.manual_seed(0)
    expression = torch.zeros(FRAMES, avatar.head.n_expression)
    expression[:, :3] = torch.linspace(0, 1, FRAMES)[:, None] * torch.rand(3)
    pose = 0.1 * torch.randn(FRAMES, 6)
    pose[0] = 0
    return Motion(expression, pose, torch.zeros(FRAMES, 3), torch.zeros(FRAMES, 6), 30.0)


def trained(avatar, kind, **switches):
    torch.manual_seed(1)
    generator = avatar.generator
    mapper = kind(generator.levels, generator.config["w_dim"], avatar.head.n_expression, **switches)
    for parameter in mapper.parameters():
        torch.nn.init.normal_(parameter, std=60)
    return mapper


def together(parts, name):
    return torch.cat([getattr(part, name) for part in parts])


def test_windows_make_no_difference(avatar, motion):
    mapper, codes = trained(avatar, VideoMapper), sample_latents(avatar, [3], 0.7)
    whole = list(animate(avatar, codes, motion, mapper, window=100))
    parts = list(animate(avatar, codes, motion, mapper, window=3))
    assert [len(part.after) for part in parts] == [3, 3, 1] and len(whole) == 1
    assert together(parts, "numbers").tolist() == list(range(FRAMES))
    for name in ("importance", "after", "vertices", "vertices_before"):
        torch.testing.assert_close(together(parts, name), getattr(whole[0], name), atol=1e-5, rtol=0)


def test_chosen_frames_keep_their_importance(avatar, motion):
    mapper, codes = trained(avatar, VideoMapper), sample_latents(avatar, [3], 0.7)
    (whole,) = animate(avatar, codes, motion, mapper)
    (some,) = animate(avatar, codes, motion, mapper, numbers=torch.tensor([5, 2]))
    assert torch.equal(some.importance, importance(motion)[[5, 2]])
    torch.testing.assert_close(some.after, whole.after[[5, 2]], atol=1e-5, rtol=0)
    torch.testing.assert_close(some.vertices, whole.vertices[[5, 2]])


def test_a_neutral_frame_keeps_its_texture_and_an_animated_edit_moves_no_vertex(avatar, motion):
    (frames,) = animate(avatar, sample_latents(avatar, [3], 0.7), motion, trained(avatar, VideoMapper))
    assert frames.importance[0] == 0
    torch.testing.assert_close(frames.after[:1], frames.before, atol=1e-6, rtol=0)
    assert (frames.after[-1] - frames.before[0]).abs().mean() > 1e-3
    assert torch.equal(frames.vertices, frames.vertices_before)


def test_a_still_edit_has_one_texture_and_adds_its_expression(avatar, motion):
    mapper, codes = trained(avatar, FaceMapper), sample_latents(avatar, [3], 0.7)
    (frames,) = animate(avatar, codes, motion, mapper)
    edited = mapper(codes)
    torch.testing.assert_close(frames.after, avatar.texture(edited.w_plus))
    wanted = avatar.head(edited.shape, edited.expression + motion.expression[2:3], motion.pose[2:3])
    torch.testing.assert_close(frames.vertices[2:3], wanted)
    assert (frames.vertices - frames.vertices_before).abs().max() > 1e-4


@pytest.mark.parametrize("kind", [VideoMapper, FaceMapper])
def test_strength_zero_is_no_edit(avatar, motion, kind):
    (frames,) = animate(avatar, sample_latents(avatar, [3], 0.7), motion, trained(avatar, kind), strength=0.0)
    torch.testing.assert_close(frames.after, frames.before.expand_as(frames.after), atol=1e-6, rtol=0)
    assert torch.equal(frames.vertices, frames.vertices_before)


def test_what_cannot_be_animated_is_refused(avatar, motion):
    with pytest.raises(ValueError, match="codes: expected one face, got 2"):
        next(animate(avatar, sample_latents(avatar, [3, 4], 0.7), motion, None))
    with pytest.raises(ValueError, match="window"):
        next(animate(avatar, sample_latents(avatar, [3], 0.7), motion, None, window=0))
