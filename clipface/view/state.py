"""What a face in the editor is, what was done to it, and the states it went through: no page and no network."""

import math
from dataclasses import dataclass, field, replace

from clipface.edit.options import PSI

IDENTITY_COMPONENTS = 10  # of the head's identity space that the page has sliders for: the largest
COMPARISONS = ("after", "before", "side by side")
MOST_PSI, MOST_STRENGTH = 1.5, 2.0
MOST_ENTRIES = 200  # older ones are forgotten
GESTURE_SECONDS = 1.0  # changes of one control that follow each other faster are one entry
# Largest values, of either sign, of what sliders move.
EXPRESSION_LIMIT = 3.0  # weights of named shapes, or standard deviations of unnamed components
IDENTITY_LIMIT = 3.0  # standard deviations
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
    """A trained mapper at work on a face."""

    mapper: str  # its name in the library
    strength: float = 1.0  # 1 the trained edit, 0 none, negative the opposite
    region: str | None = None  # names of `clipface.edit.regions`, joined by "+"; None: what the mapper was trained for

    def __post_init__(self) -> None:
        """Check ranges."""
        _within("strength", self.strength, -MOST_STRENGTH, MOST_STRENGTH)


@dataclass(frozen=True)
class FaceState:
    """A face: which one, how it is edited, and what it does. Two equal states look the same.

    Args:
        seed: the face's number.
        psi: truncation of its texture, 0 the mean face to 1 the generator's whole variety.
        edits: one after the other.
        expression: pairs of a slot's name and its weight, in the order of names; weights of zero are left out.
        sliders: pairs of the name of one of the people's sliders and how many of its units; zero is left out.
        identity: standard deviations added to the first components.
        angles: pairs of a joint angle's name (`ANGLE_LIMITS`) and degrees; zero is left out.

    Raises:
        ValueError: if a number is out of range or not finite; names it.
    """

    seed: int = 0
    psi: float = PSI
    edits: tuple[Edit, ...] = ()
    sliders: tuple[tuple[str, float], ...] = ()
    expression: tuple[tuple[str, float], ...] = ()
    identity: tuple[float, ...] = (0.0,) * IDENTITY_COMPONENTS
    angles: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        """Check ranges."""
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed: expected a whole number from 0 to 2^63 - 1, got {self.seed}")
        _within("psi", self.psi, 0.0, MOST_PSI)
        for name, units in self.sliders:
            _within(name, units, -SLIDER_LIMIT, SLIDER_LIMIT)
        for name, weight in self.expression:
            _within(f"expression {name}", weight, -EXPRESSION_LIMIT, EXPRESSION_LIMIT)
        if len(self.identity) != IDENTITY_COMPONENTS:
            raise ValueError(f"identity: expected {IDENTITY_COMPONENTS} numbers, got {len(self.identity)}")
        for number, value in enumerate(self.identity, 1):
            _within(f"identity {number}", value, -IDENTITY_LIMIT, IDENTITY_LIMIT)
        for name, degrees in self.angles:
            if name not in ANGLE_LIMITS:
                raise ValueError(f"angle: expected one of {', '.join(ANGLE_LIMITS)}, got {name!r}")
            _within(name, degrees, -ANGLE_LIMITS[name], ANGLE_LIMITS[name])

    def weight(self, name: str) -> float:
        """Weight of an expression slot."""
        return dict(self.expression).get(name, 0.0)

    def slider(self, name: str) -> float:
        """Where one of the people's sliders stands, in its units."""
        return dict(self.sliders).get(name, 0.0)

    def angle(self, name: str) -> float:
        """A joint angle, degrees."""
        return dict(self.angles).get(name, 0.0)

    def with_weight(self, name: str, weight: float) -> "FaceState":
        """The same face with another weight of one expression slot."""
        return replace(self, expression=_with(self.expression, name, weight))

    def with_slider(self, name: str, units: float) -> "FaceState":
        """The same face with one of the people's sliders elsewhere."""
        return replace(self, sliders=_with(self.sliders, name, units))

    def with_angle(self, name: str, degrees: float) -> "FaceState":
        """The same face with another joint angle, degrees."""
        return replace(self, angles=_with(self.angles, name, degrees))

    def with_identity(self, component: int, value: float) -> "FaceState":
        """The same face with another identity component, counted from 0; standard deviations."""
        values = list(self.identity)
        values[component] = float(value)
        return replace(self, identity=tuple(values))

    def with_last_edit(self, edit: Edit) -> "FaceState":
        """The same face with its last edit exchanged; without edits, with this one."""
        return replace(self, edits=(*self.edits[:-1], edit))

    def unedited(self) -> "FaceState":
        """The same face, in the same pose, before all edits."""
        return replace(self, edits=())


@dataclass(frozen=True)
class ViewSettings:
    """How the face is looked at; not part of what undo brings back."""

    comparison: str = "after"  # one of COMPARISONS
    light: str = "as painted"  # a name of `clipface.view.lights`
    light_strength: float = 1.0  # 0..1
    geometry: bool = False  # grey, without texture and light

    def __post_init__(self) -> None:
        """Check ranges."""
        if self.comparison not in COMPARISONS:
            raise ValueError(f"comparison: expected one of {', '.join(COMPARISONS)}, got {self.comparison!r}")
        _within("light_strength", self.light_strength, 0.0, 1.0)


@dataclass
class Entry:
    """A state, and what led to it."""

    state: FaceState
    label: str
    time: float  # seconds of any clock


@dataclass
class History:
    """States in their order; one of them is current. After an undo, a new change replaces what was undone."""

    entries: list[Entry] = field(default_factory=lambda: [Entry(FaceState(), "start", float("-inf"))])
    position: int = 0

    @property
    def state(self) -> FaceState:
        """The current one."""
        return self.entries[self.position].state

    def push(self, state: FaceState, label: str, time: float) -> None:
        """Make a state the current one.

        Args:
            state: to add; one equal to the current changes nothing.
            label: what was changed, for instance "strength". Two changes with one label within `GESTURE_SECONDS` (a
                slider that is dragged) are one entry.
            time: seconds of any clock that does not go back.
        """
        current = self.entries[self.position]
        if state == current.state:
            return
        del self.entries[self.position + 1 :]
        if current.label == label and time - current.time < GESTURE_SECONDS and self.position > 0:
            self.entries.pop()
        self.entries = [*self.entries, Entry(state, label, time)][-MOST_ENTRIES:]
        self.position = len(self.entries) - 1

    def move(self, entries: int) -> FaceState:
        """Go so many entries on (redo), or back (undo, below 0), as far as there are any; return the state."""
        self.position = min(max(self.position + entries, 0), len(self.entries) - 1)
        return self.state

    def without_mapper(self, name: str) -> None:
        """Forget all states that a mapper edits, once it is gone; the last one before them becomes the current one."""
        fits = [all(edit.mapper != name for edit in entry.state.edits) for entry in self.entries]
        self.position = max(sum(fits[: self.position + 1]) - 1, 0)
        self.entries = [entry for entry, kept in zip(self.entries, fits, strict=True) if kept]

    def labels(self, count: int) -> list[tuple[str, bool]]:
        """The last `count` entries up to what was undone: label, and whether it is the current one; newest first."""
        marked = [(entry.label, number == self.position) for number, entry in enumerate(self.entries)]
        return marked[::-1][:count]

    def copy(self) -> "History":
        """The same states for somebody else; entries are never changed in place."""
        return History(list(self.entries), self.position)


def _with(pairs: tuple[tuple[str, float], ...], name: str, value: float) -> tuple[tuple[str, float], ...]:
    values = {**dict(pairs), name: float(value)}
    return tuple(sorted((key, value) for key, value in values.items() if value != 0))


def _within(name: str, value: float, least: float, most: float) -> None:
    if not (math.isfinite(value) and least <= value <= most):
        raise ValueError(f"{name}: expected a number from {least:g} to {most:g}, got {value}")
