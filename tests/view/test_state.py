"""States, their history, and the sessions of tabs: no page and no image."""

import json
from dataclasses import asdict, replace

import pytest

from clipface.view.server.sessions import MOST_SESSIONS, Sessions, new_name
from clipface.view.state import GESTURE_SECONDS, MOST_ENTRIES, Edit, FaceState, History, ViewSettings

ZOMBIE = Edit("zombie")


def test_changes_make_new_states_and_zero_is_nothing():
    state = FaceState().with_weight("jawOpen", 0.5).with_angle("neck_turn", 10).with_identity(2, -1)
    assert (state.weight("jawOpen"), state.angle("neck_turn"), state.identity[2]) == (0.5, 10, -1)
    back = state.with_weight("jawOpen", 0).with_angle("neck_turn", 0).with_identity(2, 0)
    assert back == FaceState()


def test_the_order_of_sliders_makes_no_difference():
    one = FaceState().with_weight("a", 0.1).with_weight("b", 0.2)
    assert one == FaceState().with_weight("b", 0.2).with_weight("a", 0.1)


@pytest.mark.parametrize(
    "wrong, words",
    [
        (lambda: FaceState(seed=-1), "seed"),
        (lambda: FaceState(psi=2.0), "psi"),
        (lambda: FaceState(psi=float("nan")), "psi"),
        (lambda: FaceState(identity=(0.0,)), "identity"),
        (lambda: FaceState().with_identity(0, 9.0), "identity 1"),
        (lambda: FaceState().with_weight("jawOpen", 7.0), "expression jawOpen"),
        (lambda: FaceState().with_angle("jaw_open", 90.0), "jaw_open"),
        (lambda: FaceState().with_angle("knee", 1.0), "jaw_open"),
        (lambda: Edit("zombie", 3.0), "strength"),
        (lambda: ViewSettings(comparison="upside down"), "comparison"),
        (lambda: ViewSettings(light_strength=2.0), "light_strength"),
    ],
)
def test_values_out_of_range_are_refused_by_name(wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong()


def test_undo_and_redo():
    history = History()
    first, second = FaceState(seed=1), FaceState(seed=2)
    history.push(first, "face", 10)
    history.push(second, "face", 20)
    assert history.move(-1) == first and history.move(1) == second
    assert history.move(1) == second and history.position == 2
    assert history.move(-1) == first and history.move(-1) == FaceState() and history.position == 0
    assert history.move(-1) == FaceState()
    history.push(FaceState(seed=3), "face", 30)
    assert history.move(1) == FaceState(seed=3) and history.labels(5) == [("face", True), ("start", False)]


def test_a_drawn_slider_is_one_entry_and_undo_goes_back_before_it():
    history = History()
    for step in range(1, 6):
        history.push(FaceState().with_weight("jawOpen", step / 10), "jawOpen", step * GESTURE_SECONDS / 10)
    history.push(history.state.with_weight("jawOpen", 0.9), "jawOpen", 9)
    assert history.move(-1).weight("jawOpen") == 0.5
    assert history.move(-1) == FaceState()


def test_pushing_what_is_there_adds_nothing_and_old_entries_are_forgotten():
    history = History()
    history.push(FaceState(), "face", 1)
    assert history.position == 0
    for seed in range(MOST_ENTRIES + 50):
        history.push(FaceState(seed=seed + 1), "face", 10 * seed)
    assert len(history.entries) == MOST_ENTRIES and history.state.seed == MOST_ENTRIES + 50


def test_states_of_a_mapper_that_is_gone_are_forgotten():
    history = History()
    history.push(FaceState(seed=1), "face", 1)
    history.push(FaceState(seed=1, edits=(ZOMBIE,)), "zombie", 10)
    history.push(FaceState(seed=2, edits=(ZOMBIE,)), "face", 20)
    history.without_mapper("zombie")
    assert history.state == FaceState(seed=1) and len(history.entries) == 2


def test_an_edit_is_exchanged_or_added():
    state = FaceState(edits=(ZOMBIE, Edit("clown")))
    assert state.with_last_edit(Edit("old")).edits == (ZOMBIE, Edit("old"))
    assert FaceState().with_last_edit(ZOMBIE).edits == (ZOMBIE,)
    assert state.unedited() == FaceState()


def test_two_tabs_do_not_disturb_one_another():
    sessions = Sessions()
    one, other = sessions.connect(new_name()), sessions.connect(new_name())
    one.history.push(FaceState(seed=5), "face", 1)
    one.view = replace(one.view, comparison="before")
    assert other.history.state == FaceState() and other.view == ViewSettings()


def test_a_reload_finds_its_session_and_a_duplicate_gets_a_copy():
    sessions, name = Sessions(), new_name()
    one = sessions.connect(name)
    one.history.push(FaceState(seed=5), "face", 1)
    twin = sessions.connect(name)
    assert twin is not one and twin.history.state.seed == 5
    twin.history.push(FaceState(seed=6), "face", 10)
    assert one.history.state.seed == 5
    sessions.disconnect(one)
    assert sessions.connect(name) is one
    sessions.disconnect(twin)
    assert sessions.connect(name) is twin


def test_idle_sessions_are_forgotten_and_connected_ones_never():
    sessions = Sessions()
    kept = sessions.connect("connected")
    for number in range(MOST_SESSIONS + 10):
        sessions.disconnect(sessions.connect(f"idle {number}"))
    kept.history.push(FaceState(seed=5), "face", 1)
    sessions.disconnect(kept)
    assert sessions.connect("connected") is kept
    assert sessions.connect("idle 0").history.state == FaceState()
    assert len(sessions._by_name) <= MOST_SESSIONS + 1


def test_a_state_can_be_written_as_json():
    state = FaceState(edits=(ZOMBIE,)).with_weight("jawOpen", 0.5)
    assert json.loads(json.dumps(asdict(state)))["edits"] == [{"mapper": "zombie", "strength": 1.0, "region": None}]
