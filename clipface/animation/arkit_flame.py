"""FLAME's expression, jaw and gaze ↔ the weights of ARKit's 52 shapes, by least squares on FLAME's surface.

ARKit's shapes lie on FLAME's vertices in the map between FLAME and the open head (`clipface.fit.transfer`). What the
parameters of FLAME do to the surface, jaw and eyes included, is then told by weights in 0..1, and the other way round
weights by coefficients and by rotations of jaw and eyes, for which FLAME has no shapes.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from clipface.head import HeadModel
from clipface.head.expressions import ARKIT_NAMES
from clipface.shapes import expect
from clipface.texture.carry import COMMAND, HeadMap

RIDGE = 1e-3  # of a shape's square: of those that look alike none grows without need
LEAST = 1e-14  # metres²: keeps a shape that the surface does not show, such as the tongue's, at zero
PRIOR = (1e-5) ** 2  # metres²: how far the surface may stay away for a coefficient to be nearer to 0 by a deviation
TURN_PRIOR = (1e-4) ** 2  # the same for a radian of jaw or eyes
SWEEPS, SETTLED = 400, 1e-5  # of coordinate descent, and the change of weights that ends it
STEPS, FIRM = 3, 1e-3  # of Gauss-Newton, and radians by which rotations are tried
MOST_TURN = 0.6  # radians, of jaw and eyes
WINDOW = 32  # frames together
TURNS = 9  # jaw 3, eyes 6


class FlameParameters(NamedTuple):
    """T frames of a head without neck and head rotation."""

    expression: Tensor  # [T, E]
    jaw: Tensor  # [T, 3] axis-angle, radians
    eye_pose: Tensor  # [T, 6]


class ExpressionMap:
    """Converts expressions between a head's parameters and ARKit's weights.

    Args:
        head: FLAME, or another head; on the CPU.
        shapes: [52, V, 3] what ARKit's shapes do to its vertices, metres.
        counts: [V] how much each vertex counts; they sum to one.
        n_expression: coefficients that are used, 50 or 100 as a rule; None: all.

    Example:
        >>> weights = ExpressionMap.from_map(found, flame).to_arkit(expression, jaw, eye_pose)  # [T, 52]
    """

    def __init__(self, head: HeadModel, shapes: Tensor, counts: Tensor, n_expression: int | None = None) -> None:
        self.head = head
        self.count = min(n_expression or head.n_expression, head.n_expression)
        self.root = counts.double().sqrt()[:, None]  # [V, 1]
        self.shapes = self._weighed(shapes.to(self.root))  # [52, 3 V]
        self.basis = self._weighed(head.expression_directions[: self.count].unflatten(1, (-1, 3)).double())
        self.shape_squares = self.shapes @ self.shapes.T
        eye = torch.eye(self.count).to(self.basis)
        self.solver = torch.linalg.inv(self.basis @ self.basis.T + PRIOR * eye) @ self.basis  # [E, 3 V]

    @classmethod
    def from_map(cls, found: HeadMap, head: HeadModel, n_expression: int | None = None) -> "ExpressionMap":
        """For FLAME, from its map to the open head.

        Raises:
            ValueError: if the map holds no expressions, or is to another head.
        """
        found.check_target(head)
        if "arkit" not in found.tensors:
            raise ValueError(
                f"map: expected one with expressions, got {found.path}; make it by {COMMAND.format('flame')}"
            )
        return cls(head, found.tensors["arkit"], found.tensors["arkit_weight"], n_expression)

    @classmethod
    def of_arkit_head(cls, head: HeadModel) -> "ExpressionMap":
        """For a head that has ARKit's shapes among others, and joints besides."""
        slots = [head.expression_names.index(name) for name in ARKIT_NAMES]
        count = len(head.v_template)
        shapes = head.expression_directions[slots].unflatten(1, (-1, 3))
        return cls(head, shapes, torch.full((count,), 1 / count))

    def to_arkit(self, expression: Tensor, jaw: Tensor, eye_pose: Tensor | None = None) -> Tensor:
        """Weights of ARKit's shapes.

        Args:
            expression: [T, E] coefficients.
            jaw: [T, 3] axis-angle, radians.
            eye_pose: [T, 6] of left and right eye; None: straight.

        Returns:
            [T, 52] in 0..1, in the order of `ARKIT_NAMES`.
        """
        frames = expect("expression", expression, ("T", "E"))["T"]
        eyes = torch.zeros(frames, 6) if eye_pose is None else eye_pose
        return torch.cat([
            self._bounded(self._moved(expression[part], torch.cat([jaw[part], eyes[part]], 1)))
            for part in _windows(frames)
        ])  # fmt: skip

    def to_flame(self, weights: Tensor) -> FlameParameters:
        """Coefficients and rotations for weights [T, 52] of ARKit's shapes; what jaw shapes do, FLAME's jaw does.

        Source: Golub and Pereyra, "The differentiation of pseudo-inverses" (1973): coefficients are eliminated, so that
        Gauss-Newton is in the rotations alone.
        """
        frames = expect("weights", weights, ("T", len(ARKIT_NAMES)))["T"]
        parts = [self._fitted(weights[part].to(self.shapes)) for part in _windows(frames)]
        expression, turns = (torch.cat(each) for each in zip(*parts, strict=True))
        return FlameParameters(expression.float(), turns[:, :3].float(), turns[:, 3:].float())

    def distance(self, weights: Tensor, reached: Tensor) -> Tensor:
        """How far two sets of weights [T, 52] put the surface apart: [T, V] metres, on FLAME's vertices."""
        apart = (weights - reached).to(self.shapes) @ self.shapes
        return apart.unflatten(1, (-1, 3)).norm(dim=2) / self.root[:, 0].clamp_min(1e-12)

    def _weighed(self, moves: Tensor) -> Tensor:
        """[N, V, 3] → [N, 3 V] as they count."""
        return (moves * self.root).flatten(1)

    def _moved(self, expression: Tensor, turns: Tensor) -> Tensor:
        """What parameters of frames do to the surface, [T, 3 V] as it counts."""
        head, kind = self.head, self.head.v_template
        pose = torch.cat([torch.zeros_like(turns[:, :3]), turns[:, :3]], 1).to(kind)
        with torch.no_grad():
            vertices = head(None, expression.to(kind), pose, eye_pose=turns[:, 3:].to(kind)) - head()
        return self._weighed(vertices.double())

    def _bounded(self, moves: Tensor) -> Tensor:
        """Weights [T, 52] in 0..1 nearest to moves [T, 3 V], by coordinate descent, which the bounds do not trouble."""
        ridge = RIDGE * self.shape_squares.diagonal() + LEAST
        matrix = (self.shape_squares + ridge.diag()).cpu().numpy()
        goal = (moves @ self.shapes.T).cpu().numpy()
        weights = np.zeros_like(goal)
        gradient = -goal  # of half the square
        for _ in range(SWEEPS):
            before = weights.copy()
            for slot in range(weights.shape[1]):
                value = (weights[:, slot] - gradient[:, slot] / matrix[slot, slot]).clip(0, 1)
                gradient += (value - weights[:, slot])[:, None] * matrix[slot]
                weights[:, slot] = value
            if np.abs(weights - before).max(initial=0) < SETTLED:
                break
        return torch.from_numpy(weights).float()

    def _fitted(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Coefficients [T, E] and rotations [T, 9] of a few frames."""
        goal = weights @ self.shapes
        expression = torch.zeros(len(goal), self.count).to(goal)
        turns = torch.zeros(len(goal), TURNS).to(goal)
        for _ in range(STEPS):
            moved = self._moved(expression, turns)
            rest, slopes = goal - moved, self._slopes(expression, turns, moved)
            rest = rest + expression @ self.basis  # what coefficients and rotations are to explain together
            free = slopes - slopes @ self.solver.T @ self.basis
            square = slopes @ free.transpose(1, 2) + TURN_PRIOR * torch.eye(TURNS).to(goal)
            pull = torch.einsum("tkn,tn->tk", free, rest) - TURN_PRIOR * turns
            step = torch.linalg.solve(square, pull)
            expression = (rest - torch.einsum("tk,tkn->tn", step, slopes)) @ self.solver.T
            turns = (turns + step).clamp(-MOST_TURN, MOST_TURN)
        expression = (goal - self._moved(expression, turns) + expression @ self.basis) @ self.solver.T
        return expression, turns

    def _slopes(self, expression: Tensor, turns: Tensor, moved: Tensor) -> Tensor:
        """What each rotation does to the surface, for a radian: [T, 9, 3 V]."""
        tried = turns[:, None] + FIRM * torch.eye(TURNS).to(turns)  # [T, 9, 9]
        changed = self._moved(expression.repeat_interleave(TURNS, 0), tried.flatten(0, 1))
        return (changed.unflatten(0, (-1, TURNS)) - moved[:, None]) / FIRM


def _windows(frames: int) -> list[slice]:
    return [slice(start, start + WINDOW) for start in range(0, frames, WINDOW)]
