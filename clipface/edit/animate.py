"""Faces in motion: codes, a motion and an edit become the textures and vertices of frames, some at a time."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from clipface.animation import Motion, importance
from clipface.edit.avatar import Avatar
from clipface.edit.mapper import Codes, FaceMapper
from clipface.edit.video_mapper import VideoMapper

WINDOW = 16  # frames that are in memory together


class Frames(NamedTuple):
    """Some frames, one after the other, of one face in motion."""

    numbers: Tensor  # [T] in the motion
    importance: Tensor  # [T] in 0..1
    before: Tensor  # [1, 3, R, R] in 0..1, the texture of the unedited face
    after: Tensor  # [T, 3, R, R] or [1, 3, R, R], the edited ones
    vertices_before: Tensor  # [T, V, 3] metres
    vertices: Tensor  # likewise, of the edited face


@torch.no_grad()
def animate(
    avatar: Avatar,
    codes: Codes,
    motion: Motion,
    mapper: VideoMapper | FaceMapper | None,
    strength: float = 1.0,
    window: int = WINDOW,
    numbers: Tensor | None = None,
) -> Iterator[Frames]:
    """Move a face and edit it, some frames at a time, so that memory does not grow with the motion's length.

    Args:
        avatar: codes to textures and vertices.
        codes: of one face; its expression is added to the motion's.
        motion: of the avatar's head.
        mapper: an animated edit; an edit that stays the same in all frames, whose change of the expression is added to
            the motion's; or None: no edit.
        strength: 1 the trained edit, 0 none, negative the opposite way.
        window: frames at a time.
        numbers: of the frames to make; None: all. Importance is relative to the whole motion.

    Yields:
        The frames in that order.

    Raises:
        ValueError: for several faces, or a window of no frames.
    """
    if len(codes.shape) != 1:
        raise ValueError(f"codes: expected one face, got {len(codes.shape)}")
    if window < 1:
        raise ValueError(f"window: expected one frame or more, got {window}")
    before = avatar.texture(codes.w_plus)
    still, after = codes, before
    if isinstance(mapper, FaceMapper):
        still = codes.moved(mapper.offsets(codes), strength)
        if mapper.texture is not None:
            after = avatar.blend(before, avatar.texture(still.w_plus), mapper.region)
    weights = edit_importance(motion, mapper)
    for some in (torch.arange(len(motion)) if numbers is None else numbers).split(window):
        part = motion.rows(some).to(codes.w_plus.device)
        weight = weights[some].to(codes.w_plus.device)
        if isinstance(mapper, VideoMapper):
            w_plus = codes.w_plus.expand(len(part), -1, -1)
            after = avatar.texture(mapper(w_plus, part.expression, part.pose, strength * weight))
        vertices_before = moved_vertices(avatar, codes, part)
        vertices = vertices_before if still is codes else moved_vertices(avatar, still, part)
        yield Frames(some, weight, before, after, vertices_before, vertices)


def edit_importance(motion: Motion, mapper: VideoMapper | FaceMapper | None) -> Tensor:
    """How much each frame gets of an edit [T], as the mapper has learned it."""
    return importance(motion, mapper.smoothing if isinstance(mapper, VideoMapper) else 0.0)


def moved_vertices(avatar: Avatar, codes: Codes, motion: Motion) -> Tensor:
    """Vertices [T, V, 3] of one face in every frame of a motion on the same device."""
    return avatar.head(
        codes.shape, codes.expression + motion.expression, motion.pose, motion.neck_pose, motion.eye_pose
    )
