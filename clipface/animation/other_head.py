"""Motions carried between FLAME and heads with ARKit's shapes."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from clipface.animation.arkit_flame import ExpressionMap
from clipface.animation.motion import Motion
from clipface.head import HeadModel, load_head
from clipface.head.expressions import ARKIT_NAMES, has_arkit
from clipface.texture.carry import HeadMap, map_beside, read_head_map


class Other(NamedTuple):
    """FLAME, and the map between it and the open head, where they are not in their usual places."""

    found: HeadMap | None = None
    flame: Path | None = None  # its file


def other_head(head: HeadModel, given: Other | None = None) -> tuple[HeadModel, HeadMap] | None:
    """FLAME and the map between it and the open head, if both are there.

    Args:
        head: FLAME itself, or a head with ARKit's shapes.
        given: what is not in its usual place, which for the map is beside FLAME's file.
    """
    given = given or Other()
    flame, found = head, given.found
    if has_arkit(head.expression_names):
        try:
            flame = load_head("flame", given.flame)
        except FileNotFoundError:
            if given.flame or found:
                raise
            return None
    place = map_beside(flame)
    if found is None and place is not None and place.is_file():
        found = read_head_map(place)
    return None if found is None else (flame, found)


def onto_arkit(motion: Motion, head: HeadModel, flame: HeadModel, found: HeadMap) -> Motion:
    """FLAME's motion for a head with ARKit's shapes: jaw and gaze become shapes, neck and head stay rotations.

    Args:
        motion: of FLAME.
        head: with ARKit's shapes.
        flame: whose coefficients the motion has.
        found: the map between FLAME and the open head.
    """
    mapped = ExpressionMap.from_map(found, flame)
    weights = mapped.to_arkit(motion.expression, motion.pose[:, 3:], motion.eye_pose)
    expression = torch.zeros(len(motion), head.n_expression)
    expression[:, _slots(head)] = weights
    return Motion(
        expression, _head_only(motion.pose), motion.neck_pose, torch.zeros_like(motion.eye_pose), motion.rate,
        head.expression_names,
    )  # fmt: skip


def onto_flame(motion: Motion, head: HeadModel, flame: HeadModel, found: HeadMap) -> Motion:
    """A motion of a head with ARKit's shapes, for FLAME: shapes of the jaw and the gaze become rotations.

    Args:
        motion: of `head`.
        head: with ARKit's shapes.
        flame: that is to move.
        found: the map between FLAME and the open head.
    """
    moved = ExpressionMap.from_map(found, flame).to_flame(arkit_weights(motion, head))
    expression = torch.zeros(len(motion), flame.n_expression)
    expression[:, : moved.expression.shape[1]] = moved.expression
    pose = torch.cat([motion.pose[:, :3], moved.jaw], 1)
    return replace(motion, expression=expression, pose=pose, eye_pose=moved.eye_pose, expression_names=())


def arkit_weights(motion: Motion, head: HeadModel) -> Tensor:
    """Weights [T, 52] of ARKit's shapes for a motion of a head that has them.

    They are the slots' strengths; where other slots or joints move too, the weights nearest to all of it.
    """
    slots = _slots(head)
    others = motion.expression.clone()
    others[:, slots] = 0
    if others.any() or motion.pose[:, 3:].any() or motion.eye_pose.any():
        return ExpressionMap.of_arkit_head(head).to_arkit(motion.expression, motion.pose[:, 3:], motion.eye_pose)
    return motion.expression[:, slots]


def _slots(head: HeadModel) -> list[int]:
    return [head.expression_names.index(name) for name in ARKIT_NAMES]


def _head_only(pose: Tensor) -> Tensor:
    return torch.cat([pose[:, :3], torch.zeros_like(pose[:, 3:])], 1)
