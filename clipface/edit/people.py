"""Who random people are: blends of two people's texture codes, with the heads that go with such textures.

The first entries of an anchored generator's z are coefficients of photographed textures, each of unit variance; the
rest is noise. Plain N(0, I) is nobody in particular: coefficients of real people depend on each other, as those of
blends do.
"""

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from clipface import weights
from clipface.assets import checksum
from clipface.documents import check_fields
from clipface.head import HeadModel
from clipface.head.mesh import check_uv_map
from clipface.shapes import expect
from clipface.texture.carry import HeadMap

PEOPLE_FILE = "people.safetensors"  # beside the generator that it belongs to
REMEDY = "make them by scripts/recipes/build_people.py, or take the file away"
MOST_SHARE = 0.99  # of the weights, that one person may have
SHARES = (0.4, 0.6)  # of the first person in a blend


class People(NamedTuple):
    """A table of people, on the CPU: the same people are sampled for every device."""

    codes: Tensor  # [M, K], the first K entries of z
    weight: Tensor  # [M], how often each is taken; the sum is 1
    person: Tensor  # [M] int, whose code each is: two of one person are never blended
    shape_mean: Tensor  # [S] identity coefficients of the head
    shape_weight: Tensor  # [K, S], by which they follow the code
    shape_residual: Tensor  # [S, S] as in the file, what the code does not tell: a root of its covariance
    directions: Tensor  # [D, K], what each slider adds to a code for one unit
    expressions: Tensor  # [D, E], what each adds to the head's expression
    sliders: list[dict[str, Any]]  # name, unit and usual step of each

    def sample(self, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Sample one person.

        Args:
            random: the source of everything random about the person.

        Returns:
            Code [K] and identity coefficients [S].
        """
        first, second = self._choose(random)
        code = self.blend(first, second, random.uniform(*SHARES))
        normal = torch.from_numpy(random.standard_normal(self.shape_residual.shape[1], np.float32))
        return code, self.shape_mean + code @ self.shape_weight + self.shape_residual @ normal

    def blend(self, first: int, second: int, share: float) -> Tensor:
        """Blend two rows of the table, as different from the people's mean as each of them.

        Args:
            first, second: rows.
            share: of the first, 0..1.

        Returns:
            A code [K]. The shares are divided by the root of their squares' sum: a plain mean varies less than people.
        """
        mean = self.weight @ self.codes
        change = share * (self.codes[first] - mean) + (1 - share) * (self.codes[second] - mean)
        return mean + change / math.hypot(share, 1 - share)

    def carried(self, found: HeadMap) -> "People":
        """The same people with heads of another model: a map's target, the nearest to theirs.

        Raises:
            ValueError: if the map tells nothing of heads.
        """
        if any(name not in found.tensors for name in ("shape", "expression")):
            raise ValueError(f"map: expected one with shapes of heads, got {found.path}; make it again")
        shape, expression = found.tensors["shape"], found.tensors["expression"]  # [S, S'], [E, E']
        shape = shape[: len(self.shape_mean)]
        root = self.shape_residual.T @ shape  # of a covariance of S', by as many normal numbers as there were
        return self._replace(
            shape_mean=self.shape_mean @ shape,
            shape_weight=self.shape_weight @ shape,
            shape_residual=root.T,
            expressions=self.expressions @ expression[: self.expressions.shape[1]],
        )

    def save(self, path: str | Path, generator: str | Path, **notes: object) -> Path:
        """Write the table as float16, with the checksums of the generator and the UV map that it belongs to.

        Args:
            path: file ending in `.safetensors`; beside the generator it must be called `people.safetensors`.
            generator: file of its weights.
            notes: what else to keep: what it was made of, and whom to credit.
        """
        tensors = {name: value for name, value in self._asdict().items() if isinstance(value, Tensor)}
        tensors["person"] = self.person.int()
        made_for = {
            "generator_sha256": checksum(Path(generator)),
            "uv_map": weights.load_config(generator).get("uv_map"),
        }
        config = {**made_for, "sliders": self.sliders, **notes}
        return weights.save(path, tensors, config, half=True)

    def _choose(self, random: np.random.Generator) -> tuple[int, int]:
        """Rows of two different people."""
        sums = self.weight.double().cumsum(0).numpy()

        def row() -> int:
            return min(int(np.searchsorted(sums, random.random() * sums[-1], side="right")), len(sums) - 1)

        first = second = row()
        while self.person[first] == self.person[second]:
            second = row()
        return first, second


def find_people(
    generator: Path, z_dim: int, head: HeadModel, sha256: str | None = None, found: HeadMap | None = None
) -> People | None:
    """Read the people who lie beside a generator's file; without such a file there are none.

    Args:
        generator: its weights.
        z_dim: length of its latent codes.
        head: whose identity coefficients the table holds.
        sha256: checksum of the generator's file, if it is known already.
        found: the map to this head from that of the generator; None: it is this one.

    Raises:
        ValueError: if the people are another generator's or another UV map's, or the file is cut off or does not fit.
    """
    path = generator.with_name(PEOPLE_FILE)
    if not path.is_file():
        return None
    tensors, notes = weights.load(path)
    if notes.get("generator_sha256") != (sha256 or checksum(generator)):
        raise ValueError(f"people: expected those of the generator {generator}, got another's in {path}; {REMEDY}")
    if found is None:
        check_uv_map(f"people {path}", notes.get("uv_map"), head, REMEDY)
    weights.check_keys(set(People._fields) - {"sliders"}, tensors, f"people {path}")
    numbers = {name: value if name == "person" else value.float() for name, value in tensors.items()}
    people = People(**numbers, sliders=_sliders(notes, path))
    try:
        _check(people, z_dim, head if found is None else None)
    except ValueError as error:
        raise ValueError(f"{error}, in {path}; {REMEDY}") from None
    return people if found is None else people.carried(found)


def _sliders(notes: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    """The sliders that are noted beside a table."""
    sliders, what = notes.get("sliders", []), f"people {path}: sliders"
    check_fields(f"people {path}", {"sliders": sliders}, REMEDY, sliders=list[dict])
    for slider in sliders:
        check_fields(what, slider, REMEDY, name=str, unit=str, step=float, most=float)
        if slider["most"] <= 0:
            raise ValueError(f"{what}: most: expected a number above 0, got {slider['most']}; {REMEDY}")
    return sliders


def _check(people: People, z_dim: int, head: HeadModel | None) -> None:
    """Refuse a table that a generator or a head, if it is given, cannot read."""
    sizes = expect("people: codes", people.codes, ("M", "K"))
    number, count = sizes["M"], sizes["K"]
    size = expect("people: shape_mean", people.shape_mean, ("S",))["S"]
    for name, shape in (
        ("weight", (number,)),
        ("person", (number,)),
        ("shape_weight", (count, size)),
        ("shape_residual", (size, size)),
        ("directions", (len(people.sliders), count)),
        ("expressions", (len(people.sliders), "E")),
    ):
        expect(f"people: {name}", getattr(people, name), shape)
    given = count, size, people.expressions.shape[1]
    most = (z_dim, head.n_shape, head.n_expression) if head else (z_dim,)
    if any(number > limit for number, limit in zip(given, most, strict=False)):
        raise ValueError(f"people: expected at most {most} entries of z, identity and expression, got {given}")
    if not number or people.weight.min() < 0 or not people.weight.any() or _largest_share(people) > MOST_SHARE:
        raise ValueError("people: expected weights from 0 up, and two people or more who share them")


def _largest_share(people: People) -> float:
    """How much of all weights are one person's: two different ones have to be found by chance."""
    each = people.person.unique(return_inverse=True)[1]
    weight = people.weight.double()
    return float((torch.zeros_like(weight).index_add(0, each, weight) / weight.sum()).max())
