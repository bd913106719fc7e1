"""Trained edits applied: one after the other or mixed, each with a strength, each kept to its region; in motion too.

A face that was edited in a region is several codes with a weight for each texel: the edit's code inside, the old one
outside. The next mapper edits all of them, so that each texel gets the edit of the face that it belongs to.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from clipface.animation import Motion, importance
from clipface.edit.avatar import Avatar
from clipface.edit.mapper import Codes, Detail, FaceMapper, Offsets
from clipface.edit.options import spread
from clipface.edit.paint import Paint
from clipface.edit.video_mapper import VideoMapper

Edit = FaceMapper | Paint
WINDOW = 16  # frames that are in memory together


class Layer(NamedTuple):
    """A texture code, and where it shows."""

    w_plus: Tensor  # [B, L, dim]
    weight: Tensor | None  # [1, R, R] in 0..1, R of the painted textures; None: 1 everywhere


class EditedFaces(NamedTuple):
    """Faces after any number of edits; the layers' weights sum to one at every texel."""

    layers: tuple[Layer, ...]
    expression: Tensor  # [B, n_expression]
    shape: Tensor  # [B, n_shape]
    detail: Detail | None = None  # as in `Codes`
    unread: Tensor | None = None  # likewise
    pose: Tensor | None = None  # likewise

    @property
    def codes(self) -> Codes:
        """Codes of the first layer: of the whole face, less what was edited in regions."""
        return _codes(self, self.layers[0])

    def texture(self, avatar: Avatar) -> Tensor:
        """Paint the textures [B, 3, R, R] in 0..1; a texel with one layer has that layer's bits. Gradient: to codes."""
        if len(self.layers) == 1:
            return avatar.face_texture(self.codes)
        total = 0
        for layer in self.layers:
            # 1·x and x + 0 are exact, so texels outside every mask stay as they were, bit for bit.
            total = total + layer.weight * avatar.face_texture(_codes(self, layer))
        return total.clamp(0, 1)  # weights sum to one up to rounding


def unedited(codes: Codes) -> EditedFaces:
    """Faces before any edit."""
    return EditedFaces((Layer(codes.w_plus, None),), *codes[1:])


@torch.no_grad()
def edit_faces(
    avatar: Avatar, codes: Codes, mappers: Sequence[Edit], strengths: Sequence[float] = (1.0,), mix: bool = False
) -> EditedFaces:
    """Edit faces by any number of mappers, as the commands do.

    Args:
        avatar: whose textures the regions' masks lie over.
        codes: of the faces before.
        mappers: on the device of the codes; none: nothing changes.
        strengths: one for all mappers or one for each.
        mix: by `mix_edits` instead of `edit_in_turn`.

    Returns:
        The edited faces. Gradient: none.
    """
    strengths = spread(strengths, len(mappers)) if mappers else ()
    return (mix_edits if mix else edit_in_turn)(avatar, unedited(codes), mappers, strengths)


def edit_in_turn(
    avatar: Avatar, faces: EditedFaces, mappers: Sequence[Edit], strengths: Sequence[float]
) -> EditedFaces:
    """Edit faces, then what came out, and so on: each mapper reads the codes that the one before it made.

    Args:
        avatar: whose textures the regions' masks lie over.
        faces: `unedited` ones, or the result of other edits.
        mappers: on the device of the codes.
        strengths: one for each mapper: 1 the trained edit, 0 none (no bit changes), negative the opposite way. Offsets
            are those of the trained edit, times the strength.

    Returns:
        The edited faces. Gradient: to the mappers and to the codes.

    Raises:
        ValueError: if strengths are not as many as mappers, or a mapper does not fit the avatar.
    """
    _check(mappers, strengths)
    for mapper, strength in zip(mappers, strengths, strict=True):
        if isinstance(mapper, Paint):
            faces = _painted(avatar, faces, mapper, strength)
            continue
        offsets = [mapper.offsets(_codes(faces, layer)) for layer in faces.layers]
        faces, _ = _add(avatar, faces, offsets, range(len(offsets)), mapper.region, strength)
    return faces


def mix_edits(avatar: Avatar, faces: EditedFaces, mappers: Sequence[Edit], strengths: Sequence[float]) -> EditedFaces:
    """Add several edits up: every mapper reads the same unchanged codes, and the sum of all offsets is added.

    Where the mappers have regions, each texel gets the sum of those edits whose region it is in; the mappers' order
    makes no difference up to rounding. Paint comes first, in its order. Arguments and result as in `edit_in_turn`.
    """
    _check(mappers, strengths)
    pairs = list(zip(mappers, strengths, strict=True))
    for mapper, strength in pairs:
        if isinstance(mapper, Paint):
            faces = _painted(avatar, faces, mapper, strength)
    # Offsets of regions come last: those of the whole face move the first layer before it is split.
    pairs = sorted((pair for pair in pairs if isinstance(pair[0], FaceMapper)), key=lambda pair: bool(pair[0].region))
    known = [[mapper.offsets(_codes(faces, layer)) for layer in faces.layers] for mapper, _ in pairs]
    origins = list(range(len(faces.layers)))
    for (mapper, strength), offsets in zip(pairs, known, strict=True):
        faces, origins = _add(avatar, faces, offsets, origins, mapper.region, strength)
    return faces


def _check(mappers: Sequence[Edit], strengths: Sequence[float]) -> None:
    if len(mappers) != len(strengths):
        raise ValueError(f"strengths: expected {len(mappers)}, one for each mapper, got {len(strengths)}")


def _codes(faces: EditedFaces, layer: Layer) -> Codes:
    return Codes(layer.w_plus, *faces[1:])


def _add(
    avatar: Avatar,
    faces: EditedFaces,
    offsets: Sequence[Offsets],
    origins: Sequence[int],
    region: str | None,
    strength: float,
) -> tuple[EditedFaces, list[int]]:
    """Add offsets, `offsets[origins[i]]` to layer i; return also the origins of the layers that come out."""
    if strength == 0:
        return faces, list(origins)
    moved = [
        _codes(faces, layer).moved(offsets[origin], strength)
        for layer, origin in zip(faces.layers, origins, strict=True)
    ]
    new = [Layer(codes.w_plus, layer.weight) for codes, layer in zip(moved, faces.layers, strict=True)]
    origins = list(origins)
    if region is not None:
        mask = avatar.mask(region, faces.detail and faces.detail.texture.shape[-1])
        both = [(_within(old, 1 - mask), origin) for old, origin in zip(faces.layers, origins, strict=True)]
        both += [(_within(layer, mask), origin) for layer, origin in zip(new, origins, strict=True)]
        # A layer that shows nowhere is not painted; the first one stays, as the whole face's codes.
        both = [pair for i, pair in enumerate(both) if i == 0 or pair[0].weight.any()]
        new, origins = [layer for layer, _ in both], [origin for _, origin in both]
    return faces._replace(layers=tuple(new), expression=moved[0].expression, shape=moved[0].shape), origins


def _painted(avatar: Avatar, faces: EditedFaces, paint: Paint, strength: float) -> EditedFaces:
    """Faces whose textures are painted over: their own from now on, which further edits change."""
    if strength == 0:
        return faces
    detail = Detail(paint(faces.texture(avatar), strength), faces.layers[0].w_plus)
    return unedited(faces.codes._replace(detail=detail))


def _within(layer: Layer, mask: Tensor) -> Layer:
    return layer._replace(weight=mask if layer.weight is None else layer.weight * mask)


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
    mapper: VideoMapper | FaceMapper | Paint | None,
    strength: float = 1.0,
    window: int = WINDOW,
    numbers: Tensor | None = None,
) -> Iterator[Frames]:
    """Move a face and edit it, some frames at a time, so that memory does not grow with the motion's length.

    Args:
        avatar: codes to textures and vertices.
        codes: of one face; its expression is added to the motion's.
        motion: of the avatar's head.
        mapper: an animated edit; one that stays the same, its change of expression added to the motion's; or None.
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
    before = avatar.face_texture(codes)
    still, after = codes, before
    if isinstance(mapper, FaceMapper):
        still = codes.moved(mapper.offsets(codes), strength)
        if mapper.texture is not None:
            after = avatar.blend(before, avatar.face_texture(still), mapper.region)
    if isinstance(mapper, Paint):
        after = mapper(before, strength)
    weights = edit_importance(motion, mapper)
    for some in (torch.arange(len(motion)) if numbers is None else numbers).split(window):
        part = motion.rows(some).to(codes.w_plus.device)
        weight = weights[some].to(codes.w_plus.device)
        if isinstance(mapper, VideoMapper):
            w_plus = codes.w_plus.expand(len(part), -1, -1)
            moved = mapper(w_plus, part.expression, part.pose, strength * weight)
            after = avatar.face_texture(codes._replace(w_plus=moved))
        vertices_before = moved_vertices(avatar, codes, part)
        vertices = vertices_before if still is codes else moved_vertices(avatar, still, part)
        yield Frames(some, weight, before, after, vertices_before, vertices)


def edit_importance(motion: Motion, mapper: VideoMapper | FaceMapper | Paint | None) -> Tensor:
    """How much each frame gets of an edit [T], as the mapper has learned it."""
    return importance(motion, *((mapper.smoothing, mapper.head_rotation) if isinstance(mapper, VideoMapper) else ()))


def moved_vertices(avatar: Avatar, codes: Codes, motion: Motion) -> Tensor:
    """Vertices [T, V, 3] of one face in every frame of a motion on the same device."""
    return avatar.head(
        codes.shape, codes.expression + motion.expression, motion.pose, motion.neck_pose, motion.eye_pose
    )
