"""Right answers: by which offsets of its codes a face gets an attribute's value."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from clipface import weights
from clipface.edit.avatar import Avatar
from clipface.edit.mapper import Codes, Offsets
from clipface.edit.origin import check_origin
from clipface.edit.sampling import random_of, sample_face
from clipface.head.expressions import EXPRESSION_SLOTS, expression_of
from clipface.synthetic.identity import LOOK_SLOTS
from trainer.text_mapper.changes import Change, Value, values

# Where values lie along the photographs' own directions: units of each slider from the mean person.
PLACES: dict[Value, tuple[str, float]] = {
    ("sex", "man"): ("feminine", -1.4), ("sex", "woman"): ("feminine", 1.6),
    ("age", "young"): ("older", -42.0), ("age", "adult"): ("older", 4.0), ("age", "old"): ("older", 28.0),
    ("skin", "pale"): ("darker", -1.5), ("skin", "fair"): ("darker", -0.9), ("skin", "olive"): ("darker", 0.0),
    ("skin", "tan"): ("darker", 0.6), ("skin", "brown"): ("darker", 1.2), ("skin", "dark"): ("darker", 2.0),
    ("expression", "smiling"): ("smiling", 0.8), ("expression", "laughing"): ("smiling", 1.0),
    ("expression", "angry"): ("smiling", -0.5), ("expression", "sad"): ("smiling", -0.5),
}  # fmt: skip
# Of what is taken away, the value that comes in its place.
INSTEAD: dict[Value, Value] = {
    ("sex", "man"): ("sex", "woman"), ("sex", "woman"): ("sex", "man"), ("age", "old"): ("age", "young"),
    ("age", "adult"): ("age", "young"), ("age", "young"): ("age", "adult"),
}  # fmt: skip
PROBES, PROBE = 2, 0.1  # faces that tell how much each level matters; what is added to it


class Lesson(NamedTuple):
    """Faces, and the offsets that texts ask for."""

    codes: Codes
    offsets: Offsets  # [B, L, dim], [B, E], [B, S]


class Answers:
    """Offsets for values, of one avatar: looks, directions of its people, and expressions.

    Attributes:
        values: that have an answer.
        importance: [L], how much a level of w+ matters to the texture; its mean is 1.
    """

    def __init__(self, avatar: Avatar, looks: Path) -> None:
        """Make the table.

        Args:
            avatar: whose codes are changed; without people it has no directions of photographs.
            looks: file of the generator's looks; if there is none, textures get no answers but those directions.

        Raises:
            ValueError: if the looks are of another generator.
        """
        self.avatar, self.values = avatar, values()
        self.sliders = {each["name"]: row for row, each in enumerate(avatar.people.sliders)} if avatar.people else {}
        self.place = {value: row for row, value in enumerate(self.values)}
        self.w_plus, self.expression = self._offsets(looks), self._expressions()
        self.importance = self._importance()

    def lesson(self, changes: Sequence[Change], people: Sequence[int], seed: int, training: bool = True) -> Lesson:
        """Faces of the training or validation with the offsets that texts ask of them.

        Args:
            changes: texts, B.
            people: numbers of the faces, B.
            seed: of the run.
            training: whether they are faces of the training.
        """
        avatar, domain = self.avatar, "training" if training else "validation"
        drawn = [sample_face(avatar, random_of(domain, seed, number)) for number in people]
        z = torch.stack([code for code, _ in drawn])
        rest = 0, avatar.head.n_shape - drawn[0][1].numel()  # identity coefficients that people leave at 0
        shape = functional.pad(torch.stack([shape for _, shape in drawn]), rest)
        asked = [self._asked(change, code) for change, code in zip(changes, z, strict=True)]
        worn, expression, moved, moved_expression, step = (torch.stack(part) for part in zip(*asked, strict=True))
        style = self._style(z)
        moved = moved + self._style(z + step) - style
        moved_shape = functional.pad(step @ avatar.people.shape_weight, rest) if avatar.people else 0 * shape
        device = avatar.head.v_template.device
        offsets = Offsets(*(part.to(device) for part in (moved, moved_expression, moved_shape)))
        return Lesson(Codes(style + worn, expression, shape).to(device), offsets)

    def _asked(self, change: Change, z: Tensor) -> tuple[Tensor, ...]:
        """What a text meets and asks for, of a person's code z [K].

        Returns:
            What the face wears, an offset of w+; its expression; the offsets of both that the text asks for; and the
            step of z.
        """
        worn = torch.zeros_like(self.w_plus[0]) if change.worn is None else self.w_plus[self.place[change.worn]]
        own = change.strength * self.expression[self.place["expression", change.expression]]
        rows = [self.place[value] for value in change.values]
        moved, moved_expression = self.w_plus[rows].sum(0), self.expression[rows].sum(0)
        names = {name for name, _ in change.values}
        if change.worn and (change.worn[0] in names or change.removed == change.worn):
            moved = moved - worn
        if "expression" in names or change.removed == ("expression", change.expression):
            moved_expression = moved_expression - own
        steps = [self._step(z, value) for value in (*change.values, INSTEAD.get(change.removed))]
        return worn, own, moved, moved_expression, torch.stack(steps).sum(0)

    @torch.no_grad()
    def _style(self, z: Tensor) -> Tensor:
        """Codes [B, K] of people as w+ [B, L, dim], on the CPU."""
        mapping = self.avatar.generator.mapping
        padded = functional.pad(z, (0, self.avatar.generator.config["z_dim"] - z.shape[1]))
        return mapping(padded.to(mapping.w_avg)).cpu().contiguous()

    def _step(self, z: Tensor, value: Value | None) -> Tensor:
        """What takes a code [K] to a value's place along its slider; 0 where it has none."""
        slider, place = PLACES.get(value, ("", 0.0))
        if slider not in self.sliders:
            return torch.zeros_like(z)
        people = self.avatar.people
        along = people.directions[self.sliders[slider]]
        here = (z - people.weight @ people.codes) @ along / along.square().sum()
        return (place - here) * along

    def _offsets(self, looks: Path) -> Tensor:
        """[V, L, dim]; zeros for values that no look paints."""
        generator = self.avatar.generator
        table = torch.zeros(len(self.values), generator.levels, generator.config["w_dim"])
        if looks.is_file():
            tensors, notes = weights.load(looks)
            check_origin(f"looks {looks}", notes, self.avatar, "fit others by scripts/recipes/fit_offsets.py")
            for option, offset in zip(map(tuple, notes["options"]), tensors["offsets"], strict=True):
                if option in self.place:
                    table[self.place[option]] = offset
        return table

    def _expressions(self) -> Tensor:
        """[V, E]; zeros for values that leave the expression."""
        recipes = [
            EXPRESSION_SLOTS[value][0] if name == "expression" else LOOK_SLOTS.get(value, {})
            for name, value in self.values
        ]
        return torch.cat([expression_of(self.avatar.head, recipe).cpu() for recipe in recipes])

    @torch.no_grad()
    def _importance(self) -> Tensor:
        """[L] of mean 1: how far the same step of a level moves texels."""
        generator = self.avatar.generator
        random = torch.Generator().manual_seed(0)
        z = torch.stack([sample_face(self.avatar, random_of("validation", 0, number))[0] for number in range(PROBES)])
        w_plus = self._style(z).to(generator.mapping.w_avg)
        before, found = self.avatar.texture(w_plus), []
        for level in range(w_plus.shape[1]):
            probe = torch.randn(w_plus[:, level].shape, generator=random).to(w_plus)
            changed = w_plus.clone()
            changed[:, level] += PROBE * probe
            found.append((self.avatar.texture(changed) - before).square().mean().sqrt())
        found = torch.stack(found).cpu()
        return found / found.mean()
