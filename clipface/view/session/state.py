"""What a face in the editor is, and how it is looked at: no page and no network."""

import reprlib
from dataclasses import dataclass, replace

from clipface.edit.options import PSI
from clipface.head.expressions import EXPRESSION_SLOTS
from clipface.head.lengths import MEASUREMENTS
from clipface.view.screen import backdrop, lights

COMPARISONS = ("after", "before", "side by side")
SURFACES = ("textured", "geometry", "wireframe", "texture map")
MOST_PSI, MOST_STRENGTH = 1.5, 2.0
MOST_LAYERS, MOST_OTHERS = 12, 5
# Largest values, of either sign, of what sliders move.
EXPRESSION_LIMIT = 3.0  # weights of named shapes, or standard deviations of unnamed components
FORM_LIMIT = 15.0  # millimetres
MOOD_LIMIT = 1.0  # of a whole expression
SLIDER_LIMIT = 100.0  # in a slider's units: years, smiles
ANGLE_LIMITS = {  # degrees
    "jaw_open": 25.0,
    "jaw_sideways": 8.0,
    "gaze_up": 25.0,
    "gaze_right": 30.0,
    "neck_nod": 30.0,
    "neck_turn": 45.0,
    "neck_tilt": 25.0,
}


@dataclass(frozen=True)
class Edit:
    """A mapper at work on a face: one layer of several."""

    mapper: str  # its name in the library
    strength: float = 1.0  # 1 the trained edit, 0 none, negative the opposite
    region: str | None = None  # names of `clipface.edit.regions`, joined by "+"; None: what the mapper was trained for
    on: bool = True

    def __post_init__(self) -> None:
        """Check types and ranges."""
        _is("mapper", self.mapper, str)
        _is("region", self.region, str, type(None))
        _is("on", self.on, bool)
        _within("strength", self.strength, -MOST_STRENGTH, MOST_STRENGTH)

    @property
    def working(self) -> bool:
        """Whether it changes anything."""
        return self.on and self.strength != 0


@dataclass(frozen=True)
class FaceState:
    """A face: which one, how it is edited, and what it does. Two equal states look the same.

    Args:
        seed: the face's number.
        person: key of a person made from photographs, in place of the numbered face; empty: none.
        psi: truncation of its texture, 0 the mean face to 1 the generator's whole variety.
        edits: layers, one after the other.
        expression: pairs of a slot's name and its weight, in the order of names; weights of zero are left out.
        sliders: pairs of the name of one of the people's sliders and how many of its units; zero is left out.
        moods: pairs of a whole expression's name (`EXPRESSION_SLOTS`) and how much of it there is.
        form: pairs of a length's name (`clipface.head.lengths`) and millimetres that are added to it.
        angles: pairs of a joint angle's name (`ANGLE_LIMITS`) and degrees; zero is left out.

    Raises:
        ValueError: if a number is out of range or not finite; names it.
    """

    seed: int = 0
    person: str = ""
    psi: float = PSI
    edits: tuple[Edit, ...] = ()
    sliders: tuple[tuple[str, float], ...] = ()
    expression: tuple[tuple[str, float], ...] = ()
    moods: tuple[tuple[str, float], ...] = ()
    form: tuple[tuple[str, float], ...] = ()
    angles: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        """Check ranges."""
        if type(self.seed) is not int or not 0 <= self.seed < 2**63:
            raise ValueError(f"seed: expected a whole number from 0 to 2^63 - 1, got {self.seed!r}")
        _is("person", self.person, str)
        if len(self.edits) > MOST_LAYERS:
            raise ValueError(f"layers: expected at most {MOST_LAYERS}, got {len(self.edits)}; remove one")
        _within("psi", self.psi, 0.0, MOST_PSI)
        for name, units in self.sliders:
            _within(name, units, -SLIDER_LIMIT, SLIDER_LIMIT)
        for name, weight in self.expression:
            _within(f"expression {name}", weight, -EXPRESSION_LIMIT, EXPRESSION_LIMIT)
        for name, amount in self.moods:
            if name not in EXPRESSION_SLOTS:
                raise ValueError(f"mood: expected one of {', '.join(EXPRESSION_SLOTS)}, got {name!r}")
            _within(name, amount, -MOOD_LIMIT, MOOD_LIMIT)
        for name, millimetres in self.form:
            if name not in MEASUREMENTS:
                raise ValueError(f"form: expected one of {', '.join(MEASUREMENTS)}, got {name!r}")
            _within(name, millimetres, -FORM_LIMIT, FORM_LIMIT)
        for name, degrees in self.angles:
            if name not in ANGLE_LIMITS:
                raise ValueError(f"angle: expected one of {', '.join(ANGLE_LIMITS)}, got {name!r}")
            _within(name, degrees, -ANGLE_LIMITS[name], ANGLE_LIMITS[name])

    @property
    def who(self) -> tuple[str, int, float]:
        """Whose face it is: all that its unedited texture depends on."""
        return self.person, self.seed, self.psi

    def value(self, field: str, name: str) -> float:
        """What one of the fields that hold pairs has for a name; 0 if it is left out."""
        return dict(getattr(self, field)).get(name, 0.0)

    def with_value(self, field: str, name: str, value: float) -> "FaceState":
        """The same face with another value for a name in one of the fields that hold pairs."""
        return replace(self, **{field: _with(getattr(self, field), name, value)})

    def with_weight(self, name: str, weight: float) -> "FaceState":
        """The same face with another weight of one expression slot."""
        return self.with_value("expression", name, weight)

    def with_angle(self, name: str, degrees: float) -> "FaceState":
        """The same face with another joint angle, degrees."""
        return self.with_value("angles", name, degrees)

    def with_last_edit(self, edit: Edit) -> "FaceState":
        """The same face with its last layer exchanged; without layers, with this one."""
        return replace(self, edits=(*self.edits[:-1], edit))

    def with_layer(self, number: int, **values: object) -> "FaceState":
        """The same face with other values of one layer, counted from 0; a layer that is not there changes nothing."""
        if number >= len(self.edits):
            return self
        edits = list(self.edits)
        edits[number] = replace(edits[number], **values)
        return replace(self, edits=tuple(edits))

    def with_layer_moved(self, number: int, steps: int) -> "FaceState":
        """The same face with one layer so many places later, or earlier (below 0), as far as there are any."""
        edits = list(self.edits)
        edits.insert(min(max(number + steps, 0), len(edits) - 1), edits.pop(number))
        return replace(self, edits=tuple(edits))

    def without_layer(self, number: int) -> "FaceState":
        """The same face with one layer less."""
        return replace(self, edits=self.edits[:number] + self.edits[number + 1 :])

    def unedited(self) -> "FaceState":
        """The same face, in the same pose, before all edits."""
        return replace(self, edits=())


@dataclass(frozen=True)
class ViewSettings:
    """How the face is looked at; not part of what undo brings back."""

    comparison: str = "after"  # one of COMPARISONS
    light: str = "soft"  # a name of `clipface.view.screen.lights`
    light_strength: float = 1.0  # 0..1
    surface: str = "textured"  # one of SURFACES
    backdrop: str = "light"  # a name of `clipface.view.screen.backdrop`
    others: tuple[tuple[str, int], ...] = ()  # persons and numbers of faces beside this one, under the same edits
    hair: bool = False  # cropped, painted on the scalp

    def __post_init__(self) -> None:
        """Check types and ranges."""
        names = {"comparison": COMPARISONS, "light": lights.NAMES, "surface": SURFACES, "backdrop": backdrop.NAMES}
        for name, known in names.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name}: expected one of {', '.join(known)}, got {getattr(self, name)!r}")
        _is("hair", self.hair, bool)
        _within("light_strength", self.light_strength, 0.0, 1.0)
        if len(self.others) > MOST_OTHERS:
            raise ValueError(f"others: expected at most {MOST_OTHERS} faces beside this one, got {len(self.others)}")

    def without_person(self, key: str) -> "ViewSettings":
        """The same without a person beside the face."""
        return replace(self, others=tuple(other for other in self.others if other[0] != key))


def _with(pairs: tuple[tuple[str, float], ...], name: str, value: float) -> tuple[tuple[str, float], ...]:
    values = {**dict(pairs), name: value}
    return tuple(sorted((key, value) for key, value in values.items() if value != 0))


def _within(name: str, value: float, least: float, most: float) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and least <= value <= most):  # no NaN is
        raise ValueError(f"{name}: expected a number from {least:g} to {most:g}, got {reprlib.repr(value)}")


def _is(name: str, value: object, *types: type) -> None:
    if type(value) not in types:
        raise ValueError(f"{name}: expected {types[0].__name__}, got {reprlib.repr(value)}")
