"""Motions by hand: expressions and angles at some moments, in YAML, and smooth movement in between.

    rate: 30                 # frames per second
    ease: smooth             # or linear
    blinks: [0.4, 2.1]       # seconds at which the eyes are shut
    keyframes:
      - {time: 0, expression: neutral, turn: [0, 0, 0]}
      - {time: 1.2, expression: angry, strength: 0.9, turn: [4, -6, 0]}
      - {time: 1.8, expression: {angry: 0.5, jawOpen: 0.3, mouthSmileLeft: 0.2}}
      - {time: 2.6, expression: neutral, turn: [0, 0, 0]}

A keyframe sets what it names; the movement of the head, say, goes past one without `turn`. `expression` is a name,
names with strengths (of `EXPRESSION_SLOTS`, or the head's slots; without Left or Right both sides), or a list of the
head's coefficients. Angles are degrees about the axes of the head frame (see `Motion`): `turn` [x, y, z] of the head on
its neck, `gaze` [x, y] of both eyes, `jaw` about x, added to what the expression opens.
"""

import difflib
import math
import reprlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from clipface.animation.motion import MOST_FRAMES, Motion, check_rate
from clipface.documents import read_yaml
from clipface.head import HeadModel
from clipface.head.expressions import EXPRESSION_SLOTS, SIDES, slots_of

SUFFIXES = (".yaml", ".yml")
KEYS, FRAME_KEYS = ("rate", "ease", "blinks", "keyframes"), ("time", "expression", "strength", "jaw", "turn", "gaze")
EASES = ("smooth", "linear")
MOST_STRENGTH = 1.5  # of a named slot; twice would tear the face
MOST_DEGREES = {"jaw": 35.0, "turn": 80.0, "gaze": 35.0}
ANGLES = {"jaw": 1, "turn": 3, "gaze": 2}  # how many of each
RATE = 30.0
MOST_NUMBER = 1e9
LONGEST_NAME = 60  # characters of a name in messages
# Seconds: eyes close in 0.08, stay shut for 0.03 and open in 0.16. Source: spontaneous blinks last 0.2 to 0.4 s
# (Stern, Walrath, Goldstein, "The endogenous eyeblink", 1984).
SHUT, HOLD, OPEN = 0.08, 0.03, 0.16


Track = list[tuple[float, np.ndarray]]  # values [N] at some times, seconds


def read_keyframes(path: Path, head: HeadModel, rate: float | None = None) -> Motion:
    """Read keyframes; see `load_motion`.

    Smooth movement passes through every keyframe without going beyond any: it slows down where a number turns round, at
    the beginning and at the end (monotone cubic interpolation). Each number moves by itself.

    Raises:
        ValueError: for anything that is not as above; names the file and the keyframe, counted from 1.
    """
    content = _content(path)
    rate = content.get("rate", RATE) if rate is None else rate
    ease = content.get("ease", EASES[0])
    try:
        _check_keys(content, KEYS)
        check_rate(rate)
        if ease not in EASES:
            raise ValueError(f"ease: expected {' or '.join(EASES)}, got {_short(ease)}")
        blinks = _blinks(content.get("blinks", []), head)
        tracks, end = _tracks(content.get("keyframes"), head)
        _check_length(end, rate)
        if blinks and blinks[-1] > end:
            raise ValueError(f"blinks: expected times up to {end:g} s, the last keyframe, got {blinks[-1]:g}")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    times = np.arange(math.floor(end * rate + 1e-6) + 1) / rate
    moved = {name: _eased(track, times, ease) for name, track in tracks.items()}
    expression = moved.get("expression", np.zeros((len(times), head.n_expression)))
    turn, gaze, jaw = (np.radians(moved.get(name, np.zeros((len(times), 3)))) for name in ("turn", "gaze", "jaw"))
    pose = np.zeros((len(times), 6))
    pose[:, 3] = jaw[:, 0]
    both = np.tile(np.pad(gaze[:, :2], ((0, 0), (0, 1))), 2)
    parts = _blinking(expression, times, blinks, head), pose, turn, both
    return Motion(*(torch.from_numpy(part).float() for part in parts), float(rate), head.expression_names)


def _content(path: Path) -> dict[str, Any]:
    content = read_yaml(path, "keyframes")
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected the keys {', '.join(KEYS)}, got {type(content).__name__}")
    return content


def _check_length(end: float, rate: float) -> None:
    """Refuse what is longer than anybody would write by hand: times in milliseconds, mostly."""
    most = MOST_FRAMES / rate
    if end > most:
        hint = f"; are these milliseconds? Then it is {end / 1000:g}" if end / 1000 <= most else ""
        raise ValueError(
            f"time: expected at most {most:g} s ({MOST_FRAMES} frames at {rate:g} a second), got {end:g}{hint}"
        )


def _short(value: Any) -> str:
    """A value of the file as text for a message; what is nested or long is cut."""
    return reprlib.repr(value)


def _check_keys(given: dict[str, Any], known: tuple[str, ...]) -> None:
    for key in given:
        if key not in known:
            raise ValueError(f"{_short(key)} is unknown{_closest(key, known)}; the keys are {', '.join(known)}")


def _closest(word: Any, known: Any) -> str:
    near = difflib.get_close_matches(str(word)[:LONGEST_NAME], list(known), 1)
    return f", maybe {near[0]} is meant" if near else ""


def _tracks(keyframes: Any, head: HeadModel) -> tuple[dict[str, Track], float]:
    """What moves, and the last time."""
    if not isinstance(keyframes, list) or len(keyframes) < 2:
        found = len(keyframes) if isinstance(keyframes, list) else "none"
        raise ValueError(f"keyframes: expected a list of two or more, got {found}")
    tracks: dict[str, Track] = {}
    last = -math.inf
    for number, keyframe in enumerate(keyframes, 1):
        try:
            time, values = _keyframe(keyframe, head)
            if time <= last:
                raise ValueError(f"time: expected more than {last:g} s, that of the keyframe before, got {time:g}")
        except ValueError as error:
            raise ValueError(f"keyframe {number}: {error}") from None
        last = time
        for name, value in values.items():
            tracks.setdefault(name, []).append((time, value))
    return tracks, last


def _keyframe(keyframe: Any, head: HeadModel) -> tuple[float, dict[str, np.ndarray]]:
    if not isinstance(keyframe, dict):
        raise ValueError(f"expected the keys {', '.join(FRAME_KEYS)}, got {_short(keyframe)}")
    _check_keys(keyframe, FRAME_KEYS)
    if "time" not in keyframe:
        raise ValueError("time: expected seconds, got none")
    time = _number("time", keyframe["time"], 0.0, math.inf)
    values = {}
    if "expression" in keyframe:
        strength = _number("strength", keyframe.get("strength", 1.0), 0.0, MOST_STRENGTH)
        values["expression"] = strength * _expression(keyframe["expression"], head)
    elif "strength" in keyframe:
        raise ValueError("strength: expected an expression with it, got none")
    for name, count in ANGLES.items():
        if name in keyframe:
            given = keyframe[name] if count > 1 else [keyframe[name]]
            if not isinstance(given, list) or len(given) != count:
                raise ValueError(f"{name}: expected a list of {count} angles in degrees, got {_short(given)}")
            most = MOST_DEGREES[name]
            values[name] = np.array([_number(name, angle, -most, most) for angle in given])
    return time, values


def _number(name: str, value: Any, low: float, high: float) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and low <= value <= high) or value == math.inf:
        limits = f"from {low:g} to {high:g}" if math.isfinite(high) else f"of at least {low:g}"
        raise ValueError(f"{name}: expected a number {limits}, got {_short(value)}")
    if value > MOST_NUMBER:
        raise ValueError(f"{name}: expected a number below {MOST_NUMBER:g}, got {_short(value)}")
    return float(value)


def _expression(given: Any, head: HeadModel) -> np.ndarray:
    """Coefficients [E] of an expression in any of its spellings."""
    result = np.zeros(head.n_expression)
    if isinstance(given, list):
        if len(given) > head.n_expression:
            most = f"at most the {head.n_expression} coefficients of {head.source}"
            raise ValueError(f"expression: expected {most}, got {len(given)}")
        result[: len(given)] = [_number("expression", value, -100.0, 100.0) for value in given]
        return result
    if isinstance(given, str):
        given = {given: 1.0}
    if not isinstance(given, dict):
        raise ValueError(f"expression: expected a name, names with strengths or a list of numbers, got {_short(given)}")
    if not head.expression_names:
        raise ValueError(
            f"expression: expected a list of coefficients, since those of {head.source} have no names, got "
            f"{_short(list(given))}; use the open head for names"
        )
    slots = {name: number for number, name in enumerate(head.expression_names)}
    for name, value in ((str(name), value) for name, value in given.items()):
        strength = _number(f"expression: {name[:LONGEST_NAME]}", value, 0.0, MOST_STRENGTH)
        # The first way to show an expression; the others are for variety among painted faces.
        recipe = EXPRESSION_SLOTS[name][0] if name in EXPRESSION_SLOTS else {name: 1.0}
        for slot, share in recipe.items():
            found = slots_of(slot, slots)
            if not found:
                both = {known.removesuffix("Left").removesuffix("Right") for known in slots}
                raise ValueError(
                    f"expression: {_short(slot)} is none of {', '.join(EXPRESSION_SLOTS)} or a slot of {head.source}"
                    f"{_closest(slot, [*EXPRESSION_SLOTS, *slots, *both])}"
                )
            result[[slots[side] for side in found]] += share * strength
    return result


def _eased(track: Track, times: np.ndarray, ease: str) -> np.ndarray:
    """The track at other times [T]: [T, N]."""
    at, values = (np.stack(part) for part in zip(*track, strict=True))
    held = np.clip(times, at[0], at[-1])
    if len(at) == 1:
        return np.repeat(values, len(times), axis=0)
    if ease == "linear":
        return np.stack([np.interp(held, at, column) for column in values.T], 1)
    from scipy.interpolate import PchipInterpolator  # which takes a second of processor time to load

    # A second point at each end makes the slope zero there: movement starts and stops softly.
    at = np.concatenate([[at[0] - 1], at, [at[-1] + 1]])
    return PchipInterpolator(at, np.concatenate([values[:1], values, values[-1:]]))(held)


def _blinks(given: Any, head: HeadModel) -> list[float]:
    if not isinstance(given, list):
        raise ValueError(f"blinks: expected a list of seconds, got {_short(given)}")
    if given and not all(f"eyeBlink{side}" in head.expression_names for side in SIDES):
        raise ValueError(f"blinks: expected a head with slots eyeBlinkLeft and eyeBlinkRight, got {head.source}")
    return sorted(_number("blinks", time, 0.0, math.inf) for time in given)


def _blinking(expression: np.ndarray, times: np.ndarray, blinks: list[float], head: HeadModel) -> np.ndarray:
    """Close the eyes [T, E] around some moments; what else moves the lids gives way."""
    if not blinks:
        return expression
    closed = np.zeros(len(times))
    for blink in blinks:
        first, last = np.searchsorted(times, [blink - SHUT - HOLD, blink + OPEN + HOLD])
        away = times[first:last] - blink
        closing, opening = 1 + (away + HOLD / 2) / SHUT, 1 - (away - HOLD / 2) / OPEN
        closed[first:last] = np.maximum(closed[first:last], np.clip(np.minimum(closing, opening), 0, 1))
    closed = closed * closed * (3 - 2 * closed)
    result = expression.copy()
    for side in SIDES:
        slots = [head.expression_names.index(name + side) for name in ("eyeBlink", "eyeSquint", "eyeWide")]
        result[:, slots] *= 1 - closed[:, None]
        result[:, slots[0]] += closed
    return result
