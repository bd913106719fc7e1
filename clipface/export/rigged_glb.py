"""A textured head as a binary glTF file to pose and animate: skin, joints, named expressions, the edit as a target.

Viewers know neither pose correctives nor joints that follow an expression. The first are morph targets too
(`corrective_jaw_0`, ...), the second numbers; how a program moves both is in the mesh's `extras` (docs/export.md), and
without it joints turn the plain way: linear blend skinning. At most four joints move a vertex (of five, the weakest is
left out).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from clipface.export.gltf import GltfShape, GltfTarget, head_document
from clipface.export.head_sequence import NEGLIGIBLE, HeadSequence, quaternions, read_sequence, slot_name
from clipface.export.maps import head_maps
from clipface.export.surface import checked_path, vertex_normals
from clipface.files import write_atomic
from clipface.head import HeadModel
from clipface.head.data import JOINTS
from clipface.head.expressions import ARKIT_NAMES, has_arkit
from clipface.head.model import rotation_matrices

EDIT = "edit"  # name of the edit's target
WIDE = 0.5  # radians; a turn by so much about an axis brings a corrective to a weight of 1 at most, as sliders go
SMALLEST_PEAK = 1e-3  # of weights; what such turns hardly bring about is not scaled


class PoseCorrective(NamedTuple):
    """One shape that a joint's rotation brings about."""

    name: str
    joint: str  # of `JOINTS`
    offsets: np.ndarray  # [V, 3] metres at weight 1
    entries: np.ndarray  # [3, 3]; the weight is the sum of entries times (rotation matrix - identity)

    def weight(self, rotations: np.ndarray) -> float:
        """Its weight for rotations [J, 3], axis-angle in radians, each in its parent's axes."""
        turn = rotation_matrices(torch.from_numpy(rotations[JOINTS.index(self.joint)])).numpy()
        return float((self.entries * (turn - np.eye(3))).sum())


def pose_correctives(head: HeadModel) -> list[PoseCorrective]:
    """Return all of a head's correctives, joint by joint, those that move most first.

    A head has nine offsets for a joint, one for each entry of its rotation matrix. Few of them are independent (the
    open head has four for the jaw and each eye); in the axes of their principal components the others vanish.
    """
    found = []
    directions = head.pose_directions.double().cpu().unflatten(0, (len(JOINTS) - 1, 9))
    for joint, nine in zip(JOINTS[1:], directions, strict=True):
        axes = torch.linalg.eigh(nine @ nine.T).eigenvectors.flip(1).T  # [9, 9], the strongest first
        peaks = _peaks(axes)[:, None]
        offsets = (peaks * (axes @ nine)).unflatten(1, (-1, 3)).numpy()  # [9, V, 3]
        for number, (shape, entries) in enumerate(zip(offsets, (axes / peaks).numpy(), strict=True)):
            if np.linalg.norm(shape, axis=1).max() > NEGLIGIBLE:
                found.append(PoseCorrective(f"corrective_{joint}_{number}", joint, shape, entries.reshape(3, 3)))
    return found


def _peaks(axes: torch.Tensor) -> torch.Tensor:
    """Weights [9] farthest from zero, with their signs, that turns by `WIDE` about the head's axes give to each."""
    turns = WIDE * torch.cat([torch.eye(3), -torch.eye(3)]).double()
    entries = (rotation_matrices(turns) - torch.eye(3)).flatten(1)
    weights = axes @ entries.T  # [9, 6]
    farthest = weights.abs().round(decimals=9).argmax(1, keepdim=True)  # rounded, so that of equals the first is taken
    peaks = weights.gather(1, farthest)[:, 0]
    return torch.where(peaks.abs() > SMALLEST_PEAK, peaks, 1.0)


def write_rigged_glb(
    path: str | Path,
    head: HeadModel,
    *,
    texture: Tensor,
    shape: Tensor | None = None,
    expression: Tensor | None = None,
    edited_shape: Tensor | None = None,
    edited_expression: Tensor | None = None,
    pose: Tensor | None = None,
    neck_pose: Tensor | None = None,
    eye_pose: Tensor | None = None,
    expressions: Iterable[str] | Literal["all"] | None = None,
    relief: Tensor | None = None,
    compact: bool = False,
) -> Path:
    """Write one head as a GLB that viewers show and editing programs pose, with the texture inside.

    It opens as `head(edited_shape, edited_expression, pose, neck_pose, eye_pose)`, the unedited parameters standing in
    for edited ones that are left out. Expression slots are morph targets with the head's names for them and open at
    the weights in `expression`; what the edit changes in geometry is the target `edit`, which opens at 1: at 0 the head
    is the unedited one. The five joints are bound to the head as it opens and turned by the pose.

    Args:
        path: file ending in `.glb`; its folder is made if missing.
        head: the head the parameters belong to.
        texture: [3, H, W] in 0..1, row 0 at the top.
        shape: [1, <= n_shape], identity before the edit, standard deviations.
        expression: [1, <= n_expression], before the edit.
        edited_shape, edited_expression: the same after it; both left out: no target `edit`.
        pose: [1, 6], neck_pose: [1, 3], eye_pose: [1, 6]; axis-angle, radians, as in `HeadModel.forward`.
        expressions: names of the slots that become targets (`expression_7` where a slot has no name), or "all". Left
            out: the 52 of ARKit if the head has them, else all. Slots used in `expression` are always there.
        relief: [3, H, W] in 0..1; whose fine detail becomes the normal map: a photograph's texture before the edit.
            None: the texture's own.
        compact: store targets sparse, a third of the size; Cesium and some others do not read those.

    Returns:
        The path. Units metres, y up, facing z.

    Raises:
        ImportError: if pygltflib is missing; says how to install it.
        ValueError: for another ending, shapes that do not fit, numbers that are not finite, a name that the head does
            not have, or a head without texture coordinates.
    """
    path, maps = checked_path(path, ".glb"), head_maps(head, texture, relief)
    posed = {"pose": pose, "neck_pose": neck_pose, "eye_pose": eye_pose}
    edited = {"shape": edited_shape, "expression": edited_expression}
    shown = rigged_shape(head, {"shape": shape, "expression": expression, **posed}, edited, expressions)
    return write_atomic(path, head_document(head, maps, shown._replace(compact=compact))[1].glb())


def rigged_shape(
    head: HeadModel,
    before: dict[str, Tensor | None],
    edited: dict[str, Tensor | None],
    expressions: Iterable[str] | Literal["all"] | None,
) -> GltfShape:
    """A head to be posed: its vertices, its targets, and how its joints stand.

    Args:
        head: the head the parameters belong to.
        before: `shape`, `expression`, `pose`, `neck_pose`, `eye_pose` before the edit, each maybe None.
        edited: `shape` and `expression` after it.
        expressions, errors: as of `write_rigged_glb`.
    """
    before = _single(head, before)
    after = _edited(head, before, {name: value for name, value in edited.items() if value is not None})
    base, opened = before.rest(head).numpy(), _unposed(head, after)
    regressor, correctives = head.joint_regressor.double().cpu().numpy(), pose_correctives(head)
    targets = _expressions(head, before, opened, _slots(head, before, expressions))
    if after is not before:
        targets.append(_edit(head, before, base, opened))
    extras = _extras(targets, correctives, regressor)
    targets += _corrections(head, after, opened, correctives)
    turns = quaternions(after.rotations)[0].numpy()
    return GltfShape(base, targets, regressor @ opened, turns, extras)


def _single(head: HeadModel, parameters: dict[str, Tensor | None]) -> HeadSequence:
    """Check the parameters of one head, and complete them."""
    sequence = read_sequence(head, parameters)
    for name, value in parameters.items():
        if value is not None and len(value) != 1:
            raise ValueError(f"{name}: expected one head, [1, ...], got {len(value)}")
    return sequence


def _edited(head: HeadModel, before: HeadSequence, edited: dict[str, Tensor]) -> HeadSequence:
    """Check edited parameters; the others are those before the edit."""
    if not edited:
        return before
    try:
        return _single(head, before._asdict() | edited)
    except ValueError as error:  # the others have been checked
        raise ValueError(f"edited_{error}") from error


def _unposed(head: HeadModel, parameters: HeadSequence) -> np.ndarray:
    """Vertices [V, 3] with identity and expression, no joint turned."""
    directions = head.expression_directions[: parameters.expression.shape[1]].double().cpu()
    return (parameters.rest(head) + (parameters.expression @ directions).reshape(-1, 3)).numpy()


def _slots(head: HeadModel, parameters: HeadSequence, names: Iterable[str] | None) -> list[int]:
    """Numbers of the expression slots that become targets."""
    moving = (head.expression_directions.abs().amax(1) > NEGLIGIBLE).nonzero()[:, 0].tolist()
    known = {slot_name(head, slot): slot for slot in moving}
    if names is not None and names != "all":
        names = list(names)
        unknown = [name for name in names if name not in known]
        if unknown:
            has = ", ".join(known)
            raise ValueError(f"expressions: expected names that {head.source} has ({has}), got {unknown}")
        chosen = {known[name] for name in names}
    elif names is None and has_arkit(head.expression_names):
        chosen = {slot for slot in moving if slot < len(ARKIT_NAMES)}
    else:
        chosen = set(moving)
    used = {slot for slot in moving if slot < parameters.expression.shape[1] and parameters.expression[0, slot] != 0}
    return sorted(chosen | used)


def _expressions(head: HeadModel, before: HeadSequence, opened: np.ndarray, slots: list[int]) -> list[GltfTarget]:
    if not slots:
        return []
    offsets = head.expression_directions[slots].double().cpu().unflatten(1, (-1, 3)).numpy()  # [M, V, 3]
    given = before.expression[0].tolist()
    weights = [given[slot] if slot < len(given) else 0.0 for slot in slots]
    names = [slot_name(head, slot) for slot in slots]
    return _targets(head, opened, names, offsets, weights)


def _edit(head: HeadModel, before: HeadSequence, base: np.ndarray, opened: np.ndarray) -> GltfTarget:
    faces, unedited = head.faces.cpu().numpy(), _unposed(head, before)
    # With it at 1 and all else at 0, normals are those of the edited neutral head.
    offsets = opened - unedited
    return GltfTarget(EDIT, offsets, vertex_normals(base + offsets, faces) - vertex_normals(base, faces), 1.0)


def _corrections(
    head: HeadModel, after: HeadSequence, opened: np.ndarray, correctives: list[PoseCorrective]
) -> list[GltfTarget]:
    if not correctives:
        return []
    rotations = after.rotations[0].numpy()
    offsets = np.stack([corrective.offsets for corrective in correctives])
    weights = [corrective.weight(rotations) for corrective in correctives]
    return _targets(head, opened, [corrective.name for corrective in correctives], offsets, weights)


def _targets(
    head: HeadModel, opened: np.ndarray, names: list[str], offsets: np.ndarray, weights: list[float]
) -> list[GltfTarget]:
    """Targets whose normals are right when each is used alone, on the head as it opens."""
    faces = head.faces.cpu().numpy()
    slopes = vertex_normals(opened + offsets, faces) - vertex_normals(opened, faces)
    return [GltfTarget(*each) for each in zip(names, offsets, slopes, weights, strict=True)]


def _extras(targets: list[GltfTarget], correctives: list[PoseCorrective], regressor: np.ndarray) -> dict:
    """What programs need beyond glTF: how correctives follow rotations, and joints follow targets."""
    shifts = {target.name: (regressor @ target.offsets).round(7).tolist() for target in targets}
    return {
        "poseCorrectives": {
            corrective.name: {"joint": corrective.joint, "rotation": corrective.entries.round(7).tolist()}
            for corrective in correctives
        },
        "jointOffsets": {name: rows for name, rows in shifts.items() if np.abs(rows).max() > NEGLIGIBLE},
    }
