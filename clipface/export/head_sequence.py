"""One person's head over the frames of a sequence: its parameters, checked, and how its joints move."""

from typing import NamedTuple

import torch
from torch import Tensor

from clipface.export.surface import check_finite
from clipface.head import HeadModel
from clipface.head.model import rotation_matrices
from clipface.shapes import expect

WIDTHS = {"shape": "S", "expression": "E", "pose": 6, "neck_pose": 3, "eye_pose": 6}


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
