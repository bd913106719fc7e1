"""The trained part of an animated edit: a texture code and a frame's motion become the frame's texture code.

Source: ClipFace (arXiv 2212.01406), section 3.3.
"""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from clipface.edit.networks import MOST_LAYERS, LevelwiseMLP, SavedMapper
from clipface.edit.published import read_published_networks
from clipface.shapes import expect

POSE = 6  # global and jaw rotation


class VideoMapper(SavedMapper):
    """One small network for every level of a texture code, shared by all frames: it reads the level and the motion.

    A frame's code is w + i·T(w, expression, pose), with the frame's importance i: a neutral frame is not edited at all.
    """

    NAME = "video_mapper"

    def __init__(
        self,
        levels: int,
        dim: int,
        n_expression: int,
        layers: int = 4,
        smoothing: float = 0.0,
        head_rotation: bool = True,
    ) -> None:
        """Create a mapper that changes nothing yet.

        Args:
            levels: levels of the generator's code.
            dim: size of a level.
            n_expression: expression coefficients that it reads, the first ones of the head.
            layers: layers of each level's network.
            smoothing, head_rotation: of the importance that it is used with (`clipface.animation.importance`).
        """
        super().__init__()
        if not 1 <= layers <= MOST_LAYERS:
            raise ValueError(f"model.layers: expected 1 to {MOST_LAYERS}, got {layers}")
        self.config = {
            "levels": levels, "dim": dim, "n_expression": n_expression, "layers": layers, "smoothing": smoothing,
            "head_rotation": head_rotation,
        }  # fmt: skip
        self.smoothing, self.head_rotation = smoothing, head_rotation
        self.texture = LevelwiseMLP(levels, [dim + n_expression + POSE, *[dim] * layers])

    def offsets(self, w_plus: Tensor, expression: Tensor, pose: Tensor) -> Tensor:
        """What full importance adds to the codes; arguments as in `forward`. Gradient: to the networks and to `w_plus`.

        Returns:
            [N, L, dim].
        """
        levels, dim, known = (self.config[name] for name in ("levels", "dim", "n_expression"))
        count = expect("w_plus", w_plus, ("N", levels, dim))["N"]
        expect("expression", expression, (count, "E"))
        expect("pose", pose, (count, POSE))
        # A head can have more coefficients than the authors' 50, or fewer.
        read = functional.pad(expression[:, :known], (0, max(0, known - expression.shape[1])))
        motion = torch.cat([read, pose], 1)[:, None].expand(-1, levels, -1)
        return self.texture(torch.cat([w_plus, motion], -1))

    def forward(self, w_plus: Tensor, expression: Tensor, pose: Tensor, importance: Tensor) -> Tensor:
        """Edit the codes of frames, each on its own.

        Args:
            w_plus: of each frame's face before the edit [N, L, dim].
            expression: [N, E] coefficients of the head.
            pose: [N, 6] axis-angle of the head and of the jaw, radians.
            importance: [N] in 0..1 (`clipface.animation.importance`), times any strength.

        Returns:
            [N, L, dim]; with the bits of `w_plus` before training, and wherever the importance is 0. Gradient: to the
            networks and to `w_plus`.
        """
        expect("importance", importance, (len(w_plus),))
        return w_plus + importance[:, None, None] * self.offsets(w_plus, expression, pose)

    @classmethod
    def from_published(cls, path: str | Path, levels: int) -> "VideoMapper":
        """Read the authors' file (`level_0` …, or one `texture_mapper`); widths say how many coefficients it reads.

        Args:
            path: file written by torch.save; read without running anything in it.
            levels: levels that the generator reads; the file holds two more, which never learned.

        Raises:
            FileNotFoundError, ValueError: if the file is missing, cut off, or no such mapper.
        """
        found = read_published_networks(path, levels).texture
        texture = found.first(levels)
        width, dim, layers = texture.weights[0].shape[2], texture.weights[-1].shape[1], len(texture.weights)
        if width < dim + POSE:
            raise ValueError(
                f"published mapper {path}: expected networks that read a level, an expression and a pose, more than "
                f"{dim + POSE} numbers, got {width}; it is no mapper of animations"
            )
        mapper = cls(levels, dim, width - dim - POSE, layers, head_rotation=False)
        mapper.texture = texture
        return mapper
