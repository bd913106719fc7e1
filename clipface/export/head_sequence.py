"""One person's head over the frames of a sequence: its parameters, how its joints move, and its morph targets."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from clipface.export.surface import check_finite, vertex_normals
from clipface.head import HeadModel
from clipface.head.model import rotation_matrices
from clipface.shapes import expect

WIDTHS = {"shape": "S", "expression": "E", "pose": 6, "neck_pose": 3, "eye_pose": 6}
# A shape that never moves a vertex this far (metres) in the whole sequence is left out; a hundred of them would all
# have to push one way to reach a tenth of a millimetre.
NEGLIGIBLE = 1e-6
MOST_FRAMES = 200  # that normals are fitted to, evenly spread; more change nothing visible
RIDGE = 1e-3  # of normals' fit, in mean squared weights; keeps targets that always move together apart
CHUNK = 512  # vertices whose normals are fitted at once: 512 x 100 x 100 numbers for 100 targets


class HeadSequence(NamedTuple):
    """T frames of `HeadModel.forward`'s parameters, float64 on the CPU."""

    shape: Tensor  # [1, <= n_shape]
    expression: Tensor  # [T, <= n_expression]
    pose: Tensor  # [T, 6]
    neck_pose: Tensor  # [T, 3]
    eye_pose: Tensor  # [T, 6]

    @property
    def rotations(self) -> Tensor:
        """[T, J, 3] axis-angle of each joint, radians, in the order of `head.data.JOINTS`."""
        whole, jaw, left, right = self.pose[:, :3], self.pose[:, 3:], self.eye_pose[:, :3], self.eye_pose[:, 3:]
        return torch.stack([whole, self.neck_pose, jaw, left, right], 1)

    def vertices(self, head: HeadModel, frame: int) -> Tensor:
        """[V, 3] metres, the head's own."""
        values = self.shape, *(value[frame : frame + 1] for value in self[1:])
        return head(*(value.to(head.v_template) for value in values))[0].double().cpu()

    def rest(self, head: HeadModel) -> Tensor:
        """[V, 3] metres, without expression or rotations."""
        directions = head.shape_directions[: self.shape.shape[1]].double().cpu()
        return head.v_template.double().cpu() + (self.shape @ directions).reshape(-1, 3)


def read_sequence(head: HeadModel, parameters: dict[str, Tensor | None]) -> HeadSequence:
    """Check a sequence's parameters and bring them to one length.

    Args:
        head: the head they belong to.
        parameters: the fields of `HeadSequence`, in any precision and on any device; [1, ...] goes with every frame,
            None is zero.

    Raises:
        ValueError: for shapes or lengths that do not fit, more coefficients than the head has, or numbers that are not
            finite; names the argument.
    """
    values, frames = {}, 1
    for name, width in WIDTHS.items():
        value = parameters[name]
        if value is None:
            value = torch.zeros(1, width if isinstance(width, int) else 0)
        count = expect(name, value, (1 if name == "shape" else "T", width)).get("T", 1)
        if count < 1 or (count != frames and 1 not in (count, frames)):
            raise ValueError(f"{name}: expected {frames} frames as before, or 1 for all, got {count}")
        check_finite(name, value)
        frames = max(frames, count)
        values[name] = value.detach().double().cpu()
    for name, most in (("shape", head.n_shape), ("expression", head.n_expression)):
        given = values[name].shape[1]
        if given > most:
            raise ValueError(f"{name}: expected at most the {most} coefficients of {head.source}, got {given}")
    return HeadSequence(values.pop("shape"), *(value.expand(frames, -1) for value in values.values()))


def quaternions(axis_angle: Tensor) -> Tensor:
    """Turn axis-angle sequences [T, J, 3] (radians) into unit quaternions [T, J, 4], x y z w.

    A rotation has two quaternions; the one nearer to the frame before is taken, so that none turns the long way.
    """
    angle = axis_angle.norm(dim=-1, keepdim=True)
    # sinc(x) = sin(pi x) / (pi x), finite at zero
    turns = torch.cat([0.5 * torch.sinc(angle / (2 * torch.pi)) * axis_angle, torch.cos(angle / 2)], -1)
    opposite = (turns[1:] * turns[:-1]).sum(-1, keepdim=True) < 0
    signs = torch.cumprod(torch.where(opposite, -1.0, 1.0), 0)
    return torch.cat([turns[:1], turns[1:] * signs], 0)


def rest_joints(head: HeadModel, sequence: HeadSequence) -> Tensor:
    """Joints [J, 3] of the head at rest, metres."""
    return head.joint_regressor.double().cpu() @ sequence.rest(head)


def joint_translations(head: HeadModel, sequence: HeadSequence) -> Tensor:
    """Translations [T, J, 3] of the joints' nodes, each in its parent's axes, metres.

    A skin is bound to the joints of the head at rest, but `HeadModel` turns about those of the head with its
    expression, which lie up to 4 mm elsewhere (a wide open mouth). With a joint at j, bound at b, and its parent bound
    at p, the node has to stand at j + R (b - j) - p for the skin to turn about j.
    """
    bound = rest_joints(head, sequence)
    by_slot = head.joint_regressor @ head.expression_directions.unflatten(1, (-1, 3))  # [E, J, 3]
    by_slot = by_slot[: sequence.expression.shape[1]].double().cpu()
    joints = bound + torch.einsum("te,ejx->tjx", sequence.expression, by_slot)
    parents = torch.stack([bound[parent] if parent >= 0 else torch.zeros_like(bound[0]) for parent in head.parents])
    turned = torch.einsum("tjxy,tjy->tjx", rotation_matrices(sequence.rotations), bound - joints)
    return joints + turned - parents


def vertex_turns(head: HeadModel, sequence: HeadSequence, frame: int) -> Tensor:
    """Linear part [V, 3, 3] of what the skin does to each vertex in a frame."""
    turns = list(rotation_matrices(sequence.rotations[frame]))
    for joint, parent in enumerate(head.parents):
        if parent >= 0:
            turns[joint] = turns[parent] @ turns[joint]
    return torch.einsum("vj,jxy->vxy", head.weights.double().cpu(), torch.stack(turns))


class MorphTarget(NamedTuple):
    """One shape, and how much of it there is in each frame."""

    name: str
    offsets: np.ndarray  # [V, 3] metres at weight 1
    weights: np.ndarray  # [T]

    @property
    def peak(self) -> float:
        """The weight farthest from zero, with its sign."""
        return float(self.weights[np.abs(self.weights).argmax()])

    @property
    def reach(self) -> np.ndarray:
        """How far each vertex moves at the peak, [V] metres."""
        return abs(self.peak) * np.linalg.norm(self.offsets, axis=1)


def morph_targets(head: HeadModel, sequence: HeadSequence) -> list[MorphTarget]:
    """Return the expression slots that a sequence uses, under the head's names for them, then its pose correctives.

    Correctives are linear in the entries of rotation matrices, so they are morph targets whose weights follow the
    rotations. There are 36 entries, but a motion moves few combinations of them visibly; a singular value
    decomposition of the vertices' movement finds these.
    """
    slots = zip(head.expression_directions.double().cpu(), sequence.expression.T, strict=False)
    targets = [_target(slot_name(head, slot), *pair) for slot, pair in enumerate(slots)]
    targets = [target for target in targets if target.reach.max() > NEGLIGIBLE]
    entries = rotation_matrices(sequence.rotations[:, 1:]) - torch.eye(3, dtype=torch.float64)  # [T, J - 1, 3, 3]
    basis, triangle = torch.linalg.qr(head.pose_directions.double().cpu().T)  # [3 V, K], [K, 36]
    over_time, sizes, over_basis = torch.linalg.svd(entries.flatten(1) @ triangle.T, full_matrices=False)
    count = 0
    for offsets, weights in zip(over_basis @ basis.T, (over_time * sizes).T, strict=True):
        target = _target(f"pose_corrective_{count}", offsets, weights)
        if target.reach.max() > NEGLIGIBLE:  # scaled to a peak of 1, where editing programs' sliders end
            targets.append(_target(target.name, offsets * target.peak, weights / target.peak))
            count += 1
    return targets


def slot_name(head: HeadModel, slot: int) -> str:
    """The head's name for an expression slot, or its number where it has none."""
    return head.expression_names[slot] if slot < len(head.expression_names) else f"expression_{slot}"


def normal_offsets(
    head: HeadModel, sequence: HeadSequence, faces: np.ndarray, targets: list[MorphTarget]
) -> list[np.ndarray]:
    """Fit what each target adds to the normals at weight 1, [V, 3], so that frames get the normals that they have.

    Viewers add these to the normals at rest, as they add offsets to vertices, and turn the sum by the skin. Real
    normals are not linear, and a skin does not turn them right where its weights change; offsets taken from each
    target alone leave lips that smile and open wide 80 degrees wrong. So they are fitted to the sequence, by least
    squares, each target where it moves the surface.
    """
    if not targets:
        return []
    peaks = np.array([target.peak for target in targets])
    weights = np.stack([target.weights for target in targets], 1) / peaks  # [T, M]
    rest = vertex_normals(sequence.rest(head).numpy(), faces)
    frames = np.unique(np.linspace(0, len(weights) - 1, min(len(weights), MOST_FRAMES)).round().astype(int))
    fitted = np.zeros((len(rest), len(targets), 3))
    for frame in frames:
        normals = vertex_normals(sequence.vertices(head, frame).numpy(), faces)
        unturned = np.linalg.solve(vertex_turns(head, sequence, frame).numpy(), normals[..., None])[..., 0]
        unturned /= np.linalg.norm(unturned, axis=1, keepdims=True)
        fitted += weights[frame][:, None] * (unturned - rest)[:, None]
    squares = weights[frames].T @ weights[frames] + RIDGE * len(frames) * np.eye(len(targets))
    used = np.stack([_surroundings(target, faces) for target in targets], 1).astype(float)  # [V, M]
    for start in range(0, len(fitted), CHUNK):
        part = slice(start, start + CHUNK)
        both = squares * used[part, :, None] * used[part, None] + (1 - used[part, :, None]) * np.eye(len(targets))
        fitted[part] = np.linalg.solve(both, fitted[part] * used[part, :, None])
    return list((fitted / peaks[:, None]).swapaxes(0, 1))


def _target(name: str, offsets: Tensor, weights: Tensor) -> MorphTarget:
    return MorphTarget(name, offsets.numpy().reshape(-1, 3), weights.numpy())


def _surroundings(target: MorphTarget, faces: np.ndarray) -> np.ndarray:
    """Vertices [V] of triangles that the target moves."""
    moved = target.reach > NEGLIGIBLE
    mask = np.zeros(len(moved), bool)
    mask[faces[moved[faces].any(axis=1)]] = True
    return mask
