"""Face capture of a phone: names, time codes, and recordings with something wrong."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from clipface.animation import load_motion

EXTRA = ("HeadYaw", "HeadPitch", "HeadRoll", "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll")


def camel(name):
    return name[0].upper() + name[1:]


def snake(name):
    for side in ("Left", "Right"):
        if name.endswith(side) and name not in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):
            return f"{name.removesuffix(side)}_{side[0]}"
    return name


def code(frame, rate=60, start=59.3):
    """A time code that begins within a second and runs over the full minute."""
    whole, part = divmod(round((start + frame / rate) * rate, 3), rate)
    minute, second = divmod(int(whole), 60)
    return f"00:{38 + minute:02d}:{second:02d}:{part:06.3f}"


class Table:
    """A recording whose weights differ by slot and frame."""

    def __init__(self, head, frames=90, spell=camel):
        self.names = head.expression_names[:52]
        self.weights = np.random.default_rng(0).uniform(0, 1, (frames, 52)).round(4)
        self.extra = np.zeros((frames, len(EXTRA)))
        self.times = [code(frame) for frame in range(frames)]
        self.spell = spell

    def write(self, path, columns=None, rows=None, newline="\n"):
        names = ["Timecode", "BlendShapeCount", *map(self.spell, self.names), *EXTRA]
        lines = []
        for time, weights, extra in zip(self.times, self.weights, self.extra, strict=True):
            lines.append([time, "61", *(f"{value:.6g}" for value in (*weights, *extra))])
        order = [names.index(name) for name in columns or names]
        chosen = [lines[row] for row in (range(len(lines)) if rows is None else rows)]
        text = [",".join(line[column] for column in order) for line in [names, *chosen]]
        path.write_text(newline.join(text) + newline)
        return path


@pytest.fixture
def table(arkit_head):
    return Table(arkit_head)


@pytest.mark.parametrize("spell", [camel, str, snake])
def test_weights_become_strengths_under_any_spelling(tmp_path, arkit_head, spell):
    table = Table(arkit_head, spell=spell)
    names = ["Timecode", *map(spell, reversed(table.names)), "HeadYaw"]  # the order of columns says nothing
    motion = load_motion(table.write(tmp_path / "a.csv", names, newline="\r\n"), arkit_head)
    assert motion.rate == 60 and len(motion) == 90
    np.testing.assert_allclose(motion.expression[:, :52], table.weights, atol=1e-6)
    for part in (motion.expression[:, 52:], motion.pose, motion.neck_pose, motion.eye_pose):
        assert not part.any()


def test_jaw_open_opens_the_jaw_once(tmp_path, arkit_head, table):
    table.weights[:] = 0
    table.weights[:, table.names.index("jawOpen")] = 0.5
    motion = load_motion(table.write(tmp_path / "a.csv"), arkit_head).rows(slice(0, 1))
    teeth = arkit_head.regions["lower_teeth"]
    moved = (arkit_head(None, motion.expression, motion.pose) - arkit_head())[0, teeth].mean(0)
    assert -0.012 < moved[1] < -0.008  # metres; half of what the slot does


@pytest.mark.parametrize(
    ("angle", "direction"),
    [(0, (-1, 0, 0)), (1, (0, -1, 0))],  # yaw to the image's left, pitch down
)
def test_the_head_turns_the_way_the_angles_say(tmp_path, arkit_head, table, angle, direction):
    table.extra[:, angle] = 0.2
    motion = load_motion(table.write(tmp_path / "a.csv"), arkit_head)
    forward = Rotation.from_rotvec(motion.pose[0, :3].numpy()).apply([0, 0, 1])
    assert forward @ direction == pytest.approx(np.sin(0.2), abs=1e-5)


def test_another_rate_is_resampled(tmp_path, arkit_head, table):
    motion = load_motion(table.write(tmp_path / "a.csv"), arkit_head, 30)
    assert motion.rate == 30 and len(motion) == 45
    np.testing.assert_allclose(motion.expression[:, :52], table.weights[::2], atol=1e-4)


@pytest.mark.parametrize("time", ["{:.4f}", "0:00:{:07.4f}"])
def test_seconds_are_times_too(tmp_path, arkit_head, table, time):
    table.times = [time.format(frame / 25) for frame in range(90)]
    assert load_motion(table.write(tmp_path / "a.csv"), arkit_head).rate == 25


def test_without_times_the_rate_is_to_be_given(tmp_path, arkit_head, table):
    path = table.write(tmp_path / "a.csv", [camel(name) for name in table.names])
    assert load_motion(path, arkit_head, 25).rate == 25
    with pytest.raises(ValueError, match="rate: .*no column Timecode; give rate=25 to a trainer, --rate"):
        load_motion(path, arkit_head)


def test_short_codes_are_taken_for_a_phones(tmp_path, arkit_head, table):
    path = table.write(tmp_path / "a.csv", rows=range(45, 70))
    with pytest.warns(UserWarning, match="do not say their frames per second; 60"):
        assert load_motion(path, arkit_head).rate == 60


def test_dropped_frames_are_interpolated_with_a_warning(tmp_path, arkit_head, table):
    kept = [row for row in range(90) if row not in (20, 21, 50)]
    with pytest.warns(UserWarning, match="3 of 90 frames were dropped, the first after 0.32 s"):
        motion = load_motion(table.write(tmp_path / "a.csv", rows=kept), arkit_head)
    assert len(motion) == 90 and motion.rate == 60
    np.testing.assert_allclose(motion.expression[kept, :52], table.weights[kept], atol=2e-3)
    np.testing.assert_allclose(motion.expression[50, :52], table.weights[[49, 51]].mean(0), atol=2e-3)


def test_jitter_of_the_clock_is_no_other_rate(tmp_path, arkit_head, table):
    jitter = np.random.default_rng(1).uniform(-0.3, 0.3, 90)
    table.times = [f"{(frame + shift + 1) / 60:.5f}" for frame, shift in enumerate(jitter)]
    motion = load_motion(table.write(tmp_path / "a.csv"), arkit_head)
    assert motion.rate == 60 and abs(len(motion) - 90) <= 1


def test_a_long_gap_is_named(tmp_path, arkit_head, table):
    table.times = [f"{frame / 60:.4f}" for frame in range(90)]
    path = table.write(tmp_path / "a.csv", rows=[*range(30), *range(50, 90)])
    with pytest.raises(ValueError, match="got none between 0.48 s and 0.83 s; cut the recording"):
        load_motion(path, arkit_head)


def test_mixed_rates_are_refused(tmp_path, arkit_head, table):
    path = table.write(tmp_path / "a.csv", rows=[*range(45), *range(46, 90, 2)])
    with pytest.raises(ValueError, match="expected one frame rate, got 30 to 60 frames per second"):
        load_motion(path, arkit_head)


@pytest.mark.parametrize(
    ("degrade", "words"),
    [
        (lambda table: table.weights.__setitem__((3, 5), np.nan), r"line 5: Eye\w+: expected a finite .*got 'nan'"),
        (lambda table: table.weights.__imul__(100), "expected weights in 0..1, got .* are they percentages"),
        (lambda table: table.extra.__setitem__((slice(None), 0), 30), "in radians, got .* are they degrees"),
        (lambda table: table.times.__setitem__(7, table.times[6]), "line 9: expected a later time"),
        (lambda table: table.times.__setitem__(7, "noon"), "line 9: expected a time code"),
    ],
)
def test_bad_numbers_are_named(tmp_path, arkit_head, table, degrade, words):
    degrade(table)
    with pytest.raises(ValueError, match=words) as error:
        load_motion(table.write(tmp_path / "a.csv"), arkit_head)
    assert "a.csv" in str(error.value)


def test_missing_shapes_are_listed_but_not_the_tongue(tmp_path, arkit_head, table):
    names = ["Timecode", *(camel(name) for name in table.names if name not in ("tongueOut", "jawOpen", "cheekPuff"))]
    with pytest.raises(ValueError, match="got none of jawOpen, cheekPuff, tongueOut"):
        load_motion(table.write(tmp_path / "a.csv", names), arkit_head)
    path = table.write(tmp_path / "a.csv", [*names, "JawOpen", "CheekPuff"])
    motion = load_motion(path, arkit_head)
    assert not motion.expression[:, table.names.index("tongueOut")].any()


def test_files_cut_off_or_empty_or_no_csv(tmp_path, arkit_head, table):
    path = table.write(tmp_path / "a.csv")
    text = path.read_text()
    path.write_text(text[:-200])
    with pytest.raises(ValueError, match="line 91: expected 60 columns .* cut off"):
        load_motion(path, arkit_head)
    for content in (b"", text.split("\n")[0].encode(), b"\xff\xfe\x00"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="a.csv"):
            load_motion(path, arkit_head)


def test_a_head_without_arkits_names_is_refused(tmp_path, unnamed_head, table):
    with pytest.raises(ValueError, match="head: expected .*open head, got .*generic_model.pkl"):
        load_motion(table.write(tmp_path / "a.csv"), unnamed_head)


def test_thousands_of_frames_are_read_in_linear_time(tmp_path, arkit_head):
    table = Table(arkit_head, 6000)
    table.times = [f"{frame / 60:.4f}" for frame in range(6000)]
    assert torch.isfinite(load_motion(table.write(tmp_path / "a.csv"), arkit_head).expression).all()
