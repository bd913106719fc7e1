"""States, their history, and the sessions of tabs: no page and no image."""

import json
from dataclasses import asdict, replace

import pytest

from clipface.view.edits.words import summary
from clipface.view.server.token_auth import new_name
from clipface.view.session.history import GESTURE_SECONDS, MOST_ENTRIES, History
from clipface.view.session.sessions import MOST_SESSIONS, Sessions
from clipface.view.session.state import MOST_LAYERS, Edit, FaceState, ViewSettings

ZOMBIE = Edit("zombie")


def test_changes_make_new_states_and_zero_is_nothing():
    state = FaceState().with_weight("jawOpen", 0.5).with_angle("neck_turn", 10).with_value("form", "nose length", -1)
    assert state.value("expression", "jawOpen") == 0.5 and state.value("angles", "neck_turn") == 10
    assert state.value("form", "nose length") == -1 and state.value("form", "nose width") == 0
    back = state.with_weight("jawOpen", 0).with_angle("neck_turn", 0).with_value("form", "nose length", 0)
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
        (lambda: FaceState(seed="7"), "seed"),
        (lambda: FaceState(seed=7.5), "seed"),
        (lambda: FaceState(psi="much"), "psi"),
        (lambda: FaceState(edits=(ZOMBIE,) * (MOST_LAYERS + 1)), "layers: expected at most 12, got 13; remove one"),
        (lambda: FaceState().with_value("form", "nose length", 90.0), "nose length"),
        (lambda: FaceState().with_value("form", "beak", 1.0), "form: expected one of face width"),
        (lambda: FaceState().with_value("moods", "smiling", 7.0), "smiling"),
        (lambda: FaceState().with_value("moods", "hungry", 1.0), "mood: expected one of"),
        (lambda: FaceState().with_weight("jawOpen", 7.0), "expression jawOpen"),
        (lambda: FaceState().with_angle("jaw_open", 90.0), "jaw_open"),
        (lambda: FaceState().with_angle("knee", 1.0), "jaw_open"),
        (lambda: Edit("zombie", 3.0), "strength"),
        (lambda: Edit("zombie", "strong"), "strength: expected a number"),
        (lambda: Edit("zombie", True), "strength: expected a number"),
        (lambda: Edit("zombie", 1.0, 7), "region: expected str"),
        (lambda: Edit("zombie", on=1), "on: expected bool"),
        (lambda: Edit(["zombie"]), "mapper: expected str"),
        (lambda: ViewSettings(comparison="upside down"), "comparison"),
        (lambda: ViewSettings(surface=["clay"]), "surface"),
        (lambda: ViewSettings(light=3), "light"),
        (lambda: ViewSettings(hair=1), "hair: expected bool"),
        (lambda: ViewSettings(light_strength=2.0), "light_strength"),
        (lambda: ViewSettings(others=(("", 1),) * 6), "others: expected at most 5"),
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
    assert history.move(-1).value("expression", "jawOpen") == 0.5
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
    history.without(lambda state: ZOMBIE in state.edits)
    assert history.state == FaceState(seed=1) and len(history.entries) == 2
    history.without(lambda state: True)
    assert history.state == FaceState() and len(history.entries) == 1


def test_an_edit_is_exchanged_or_added():
    state = FaceState(edits=(ZOMBIE, Edit("clown")))
    assert state.with_last_edit(Edit("old")).edits == (ZOMBIE, Edit("old"))
    assert FaceState().with_last_edit(ZOMBIE).edits == (ZOMBIE,)
    assert state.unedited() == FaceState()


def test_layers_are_changed_moved_and_removed_one_by_one():
    one, two, three = ZOMBIE, Edit("clown"), Edit("old")
    state = FaceState(edits=(one, two, three))
    changed = state.with_layer(1, strength=0.5, region="lips", on=False)
    assert changed.edits == (one, Edit("clown", 0.5, "lips", False), three), "the others stay as they are"
    assert state.with_layer(7, strength=0.5) is state
    assert state.with_layer_moved(0, 1).edits == (two, one, three) == state.with_layer_moved(1, -1).edits
    assert state.with_layer_moved(0, -1) == state == state.with_layer_moved(2, 1)
    assert state.without_layer(1).edits == (one, three)


def test_the_summary_names_what_works_and_where():
    lips, off = Edit("2026_mapper_my_zombie", 0.5, "lips"), Edit("look:red_lipstick", on=False)
    layers = (lips, off, Edit("text:a witch", 2.0))
    assert summary(FaceState(edits=layers)) == "**Face 0** with *my zombie* × 0.50 on lips, then *a witch* × 2.00"
    assert summary(FaceState(seed=7, edits=layers[1:2]), "Ada") == "**Ada** unedited"


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
    edit = {"mapper": "zombie", "strength": 1.0, "region": None, "on": True}
    assert json.loads(json.dumps(asdict(state)))["edits"] == [edit]
