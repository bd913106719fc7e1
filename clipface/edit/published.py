"""The authors' mappers, in the forms of their files, told apart by what is in them.

A file holds a network for each level (`level_0` …, or one `texture_mapper` from which every level starts) and, unless
it edits textures only, one for the expression (`geo`, or `geometry_mapper`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from clipface import weights
from clipface.edit.networks import LevelwiseMLP
from clipface.texture.published import UNREAD_LEVELS, load_published

ONE_TEXTURE, ONE_EXPRESSION, EXPRESSION = "texture_mapper", "geometry_mapper", "geo"


class PublishedNetworks(NamedTuple):
    """What a file of the authors holds."""

    texture: LevelwiseMLP  # of all levels in the file
    expression: Mapping[str, Tensor] | None  # its network under the authors' names; None: the file has none
    unread: int  # how many of the levels, the last ones, the generator does not read

    @property
    def moving(self) -> bool:
        """Whether the networks read a motion beside the level: then they animate."""
        return self.texture.weights[0].shape[2] != self.texture.weights[-1].shape[1]


def read_published_networks(path: str | Path, levels: int) -> PublishedNetworks:
    """Read a mapper's file.

    Args:
        path: written by torch.save; read without running anything in it.
        levels: that the generator reads; the authors' files hold two more, which the expression's mean reads.

    Raises:
        FileNotFoundError, ValueError: if the file is missing, cut off, no such mapper, or of another generator.
    """
    states, what = load_published(path), f"published mapper {path}"
    if not isinstance(states, Mapping):
        raise ValueError(f"{what}: expected networks by name, got {type(states).__name__}")
    others = [f"{str(key)[:40]} ({type(state).__name__})" for key, state in states.items() if not _network(state)]
    if others:
        raise ValueError(f"{what}: expected networks of weights by name, got {', '.join(others[:3])} too; leave it out")
    if ONE_TEXTURE in states:
        count = levels + UNREAD_LEVELS
        found = [states[ONE_TEXTURE]] * count
    else:
        count = sum(str(key).startswith("level_") for key in states)
        names = [f"level_{i}" for i in range(max(count, levels))]
        weights.check_keys(names, [key for key in states if key != EXPRESSION], what)
        found = [states[name] for name in names]
    if count not in (levels, levels + UNREAD_LEVELS):
        raise ValueError(
            f"{what}: expected networks of {levels} levels, or {levels + UNREAD_LEVELS} as the authors' files have "
            f"them, got {count}: it is of another generator; give its own by --generator"
        )
    expression = states.get(ONE_EXPRESSION if ONE_TEXTURE in states else EXPRESSION)
    return PublishedNetworks(LevelwiseMLP.from_published(found), expression, count - levels)


def _network(state: object) -> bool:
    return isinstance(state, Mapping) and bool(state) and all(isinstance(value, Tensor) for value in state.values())
