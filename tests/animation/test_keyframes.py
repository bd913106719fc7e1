"""Keyframes: what is written is met, movement is smooth and stays within it; mistakes are named."""

import numpy as np
import pytest
import yaml

from clipface.animation import load_motion
from clipface.animation.keyframes import EXPRESSION_SLOTS

FRAMES = [
    {"time": 0, "expression": "neutral", "turn": [0, 0, 0]},
    {"time": 0.5, "gaze": [10, -5]},
    {"time": 1.0, "expression": {"angry": 0.5, "jawOpen": 0.3}, "turn": [4, -6, 2]},
    {"time": 1.5, "expression": "angry", "strength": 0.8, "jaw": 8},
    {"time": 2.0, "expression": "neutral", "turn": [0, 0, 0], "jaw": 0},
]


def write(path, keyframes=FRAMES, **more):
    path.write_text(yaml.safe_dump({"keyframes": keyframes} | more))
    return path


def slot(head, name):
    return head.expression_names.index(name)


@pytest.mark.parametrize("ease", ["smooth", "linear"])
def test_keyframes_are_met(tmp_path, arkit_head, ease):
    motion = load_motion(write(tmp_path / "a.yaml", ease=ease, rate=20), arkit_head)
    assert motion.rate == 20 and len(motion) == 41
    angry = EXPRESSION_SLOTS["angry"][0]
    at = motion.rows([0, 20, 30, 40])
    turn, gaze = (np.degrees(part.numpy()) for part in (motion.neck_pose, motion.eye_pose))
    for side in ("Left", "Right"):
        strengths = at.expression[:, slot(arkit_head, f"browDown{side}")]
        np.testing.assert_allclose(strengths, angry["browDown"] * np.array([0, 0.5, 0.8, 0]), atol=1e-6)
    jaw = angry["jawOpen"] * np.array([0, 0.5, 0.8, 0]) + [0, 0.3, 0, 0]
    np.testing.assert_allclose(at.expression[:, slot(arkit_head, "jawOpen")], jaw, atol=1e-6)
    np.testing.assert_allclose(turn[[0, 20, 40]], [[0, 0, 0], [4, -6, 2], [0, 0, 0]], atol=1e-5)
    np.testing.assert_allclose(np.degrees(at.pose[2:, 3].numpy()), [8, 0], atol=1e-5)
    # What only one keyframe names holds all the time; what none names for a while goes on.
    np.testing.assert_allclose(gaze, np.tile([10, -5, 0, 10, -5, 0], (41, 1)), rtol=1e-5)
    assert 0 < turn[30, 0] < 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tme": 1}, "'tme' is unknown, maybe time is meant; the keys are time"),
        ({"time": None}, "time: expected a number of at least 0, got None"),
        ({"time": -1}, "time: expected a number of at least 0"),
        ({"time": 0}, "time: expected more than 0.5 s"),
        ({"time": float("nan")}, "time: expected a number"),
        ({"expression": "angri"}, "'angri' is none of .*, maybe angry is meant"),
        ({"expression": {"mouthSmil": 1}}, "'mouthSmil' is none of .*, maybe mouthSmile"),
        ({"expression": {"jawOpen": float("nan")}}, "expression: jawOpen: expected a number from 0 to 1.5"),
        ({"expression": {"jawOpen": 30}}, "jawOpen: expected a number from 0 to 1.5, got 30"),
        ({"expression": {1: 1}}, "'1' is none of"),
        ({"expression": 3}, "expression: expected a name, names with strengths or a list"),
        ({"expression": [0.0] * 101}, "at most the 100 coefficients of open_head.npz, got 101"),
        ({"expression": ["a"]}, "expression: expected a number"),
        ({"strength": 2}, "strength: expected a number from 0 to 1.5"),
        ({"turn": [1, 2]}, "turn: expected a list of 3 angles in degrees"),
        ({"turn": [200, 0, 0]}, "turn: expected a number from -80 to 80"),
        ({"jaw": "wide"}, "jaw: expected a number from -35 to 35"),
        ({"gaze": 5}, "gaze: expected a list of 2 angles"),
    ],
)
def test_a_bad_keyframe_is_named(tmp_path, arkit_head, change, words):
    keyframes = [*FRAMES[:2], FRAMES[2] | change, *FRAMES[3:]]
    with pytest.raises(ValueError, match=f"a.yaml: keyframe 3: .*{words}"):
        load_motion(write(tmp_path / "a.yaml", keyframes), arkit_head)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected the keys rate, ease, blinks, keyframes"),
        ("- 1", "expected the keys rate"),
        ("keyframes: []", "keyframes: expected a list of two or more, got 0"),
        ("keyframes: [{time: 0, expression: angry}]", "two or more, got 1"),
        ("rate: 30", "two or more, got none"),
        ("keyframes: [{time: 0}, {expression: angry}]", "keyframe 2: time: expected seconds"),
        ("keyframes: [{time: 0}, {time: 1, strength: 1}]", "keyframe 2: strength: expected an expression"),
        ("keyframes: [{time: 0}, 5]", "keyframe 2: expected the keys time"),
        ("keyframes: [{time: 0}, {time: 1", "no YAML, or cut off"),
        ("frames: []", "'frames' is unknown, maybe keyframes is meant"),
        ("rate: 0\nkeyframes: [{time: 0}, {time: 1}]", "rate: expected a positive number"),
        ("rate: fast\nkeyframes: [{time: 0}, {time: 1}]", "rate: expected a positive number"),
        ("ease: bounce\nkeyframes: [{time: 0}, {time: 1}]", "ease: expected smooth or linear"),
        ("blinks: [3]\nkeyframes: [{time: 0}, {time: 1}]", "blinks: expected times up to"),
        ("blinks: 3\nkeyframes: [{time: 0}, {time: 1}]", "blinks: expected a list of seconds"),
        ("!!python/object/apply:os.getcwd []", "no YAML, or cut off"),
    ],
)
def test_a_bad_file_is_named(tmp_path, arkit_head, text, words):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ValueError, match=f"a.yaml: .*{words}"):
        load_motion(tmp_path / "a.yaml", arkit_head)
