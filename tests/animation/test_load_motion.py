"""The door of all motions, and the sequences that come with the project."""

import subprocess
import sys

import pytest
import torch

from clipface.animation import SHIPPED, importance, load_motion

INNER_LIPS = ((61, 67), (62, 66), (63, 65))  # of the usual 68 landmarks, upper and lower


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_sequences_act_from_neutral_to_neutral(arkit_head, name):
    motion = load_motion(name, arkit_head)
    assert motion.rate == 30 and 60 <= len(motion) - 1 <= 120
    assert not motion.expression[[0, -1]].any() and not motion.neck_pose[[0, -1]].any()
    assert motion.expression.min() >= 0 and motion.expression.max() <= 1
    weights = importance(motion)
    assert weights[0] == weights[-1] == 0 and (weights > 0.5).sum() >= 10
    marks = arkit_head.landmarks(arkit_head(None, motion.expression, motion.pose))  # unturned
    for upper, lower in INNER_LIPS:
        assert (marks[:, upper, 1] - marks[:, lower, 1]).min() > -5e-4, "the lips pass through each other"


def test_shipped_sequences_take_a_rate(arkit_head):
    slow, fast = load_motion("laugh", arkit_head), load_motion("laugh", arkit_head, 60)
    assert fast.rate == 60
    torch.testing.assert_close(fast.expression[::2], slow.expression)


def test_sources_that_are_none(tmp_path, arkit_head):
    with pytest.raises(FileNotFoundError, match="source: lagh does not exist; expected one of laugh, "):
        load_motion("lagh", arkit_head)
    (tmp_path / "a.bvh").touch()
    with pytest.raises(ValueError, match=r"source: expected .* \.csv .* \.mp4 .*, got .*a.bvh"):
        load_motion(tmp_path / "a.bvh", arkit_head)
    with pytest.raises(ValueError, match="rate: expected a positive number"):
        load_motion("laugh", arkit_head, 0)


def test_importing_loads_neither_the_fitter_nor_video_code():
    code = (
        "import sys, clipface.animation\n"
        "found = [name for name in ('clipface.fit', 'onnxruntime', 'av', 'cv2') if name in sys.modules]\n"
        "assert not found, found"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
