"""Persons made in the page: whom they are shown to, and what is left of photographs."""

import io
import tempfile
import time
import urllib.request

import numpy as np
import pytest
from PIL import Image
from tiny_person import checked_person

from clipface.view.child import Children
from clipface.view.persons.fitting import FittingJobs, check_photos
from clipface.view.persons.store import Persons
from clipface.view.server.token_auth import new_name
from clipface.view.session.session_file import to_link
from clipface.view.session.state import FaceState, ViewSettings

SIZE = 64


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def add(persons, name, owner):
    key = persons.new_key()
    checked_person(persons._avatar, SIZE).save(persons.place(key))
    persons.add(key, name, owner)
    return key


def test_beyond_this_machine_a_person_is_seen_by_who_made_it_alone(engine, tmp_path):
    persons = Persons(tmp_path / "persons", engine.avatar, private=True)
    key = add(persons, "Ada", "ada's tab")
    assert persons.seen_by("ada's tab") == [(key, "Ada")] and persons.seen_by("another") == []
    for forbidden in (lambda: persons.check(key, "another"), lambda: persons.delete(key, "another")):
        with pytest.raises(ValueError, match="person: expected one of this page"):
            forbidden()
    assert (persons.folder.stat().st_mode & 0o77) == 0
    assert Persons(persons.folder, engine.avatar, private=False).seen_by("another") == [(key, "Ada")]


def test_a_person_outlives_the_server_until_it_is_deleted(engine, tmp_path):
    key = add(Persons(tmp_path, engine.avatar, private=True), "Ada", "tab")
    persons = Persons(tmp_path, engine.avatar, private=True)
    assert persons.codes(key).detail.texture.shape[-1] == SIZE
    persons.delete(key, "tab")
    assert list(tmp_path.iterdir()) == [] and persons.seen_by("tab") == []
    with pytest.raises(ValueError, match="no longer there; choose another face"):
        persons.codes(key)


@pytest.mark.parametrize("key", ["", "../../secret", "a" * 24 + "/", 7, None, "f" * 24])
def test_a_key_is_no_path(engine, tmp_path, key):
    with pytest.raises(ValueError, match="person: "):
        Persons(tmp_path, engine.avatar, private=True).codes(key)
    with pytest.raises(ValueError, match="person: "):
        Persons(tmp_path, engine.avatar, private=True).check(key, "tab")


def test_damaged_notes_hide_one_person_and_not_the_others(engine, tmp_path):
    persons = Persons(tmp_path, engine.avatar, private=False)
    key = add(persons, "Ada", "tab")
    (tmp_path / f"{'0' * 24}.json").write_text("{")
    assert persons.seen_by("tab") == [(key, "Ada")]


def test_a_fit_that_fails_says_why_and_leaves_no_photograph(engine, data, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    persons = Persons(tmp_path / "persons", engine.avatar, private=True)
    children = Children()
    given = ["--generator", str(data / "generator.safetensors"), "--texture-size", "64"]
    jobs = FittingJobs(children, persons, given)
    fitting = jobs.start([("grey.png", png(np.full((64, 64, 3), 128, np.uint8)))])
    with pytest.raises(ValueError, match="one person or video at a time"):
        jobs.start([("other.png", b"x")])
    assert fitting.progress(30)[0] < 1
    end = time.monotonic() + 120
    while fitting.running:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert not fitting.finished and fitting.error() and str(tmp_path) not in fitting.error(), fitting.error()
    assert list(tmp_path.glob("clipface_*")) == [] and persons.seen_by("tab") == []
    cancelled = jobs.start([("grey.png", png(np.full((64, 64, 3), 128, np.uint8)))])
    children.close()
    assert not cancelled.running and cancelled.error() == "" and list(tmp_path.glob("clipface_*")) == []


@pytest.mark.parametrize("photos", [[], [("a.jpg", b"")], [("a.jpg", b"x")] * 9])
def test_what_cannot_be_photographs_is_refused(photos):
    with pytest.raises(ValueError, match="photographs: expected"):
        check_photos(photos)


def test_somebody_else_does_not_get_a_persons_face_by_its_key(data, runs, engine, tmp_path):
    pytest.importorskip("viser", reason="viser is missing: pip install -e '.[view]'")
    from page_visitor import Visitor, wait

    from clipface.view.__main__ import parse, serve

    given = ["--port", "0", "--runs", str(runs), "--generator", str(data / "generator.safetensors")]
    running, services, address = serve(parse([*given, "--keep", str(tmp_path)]))
    services.persons.private = True  # as when other machines may come
    mine, other = new_name(), new_name()
    key = add(services.persons, "Ada", mine)
    try:
        with Visitor(address + mine) as ada, Visitor(address + other) as bob:
            assert bob.value("Person") == "nobody" and not bob.visible(bob.widget("Person"))
            before = ada.settled()
            ada.set("Person", "Ada")
            ada.wait("**Ada** unedited")
            wait(lambda: np.abs(ada.settled().astype(int) - before).mean() > 1, "her face")
            bob.set("Person", "Ada")
            bob.wait("person: expected one of ")
            plain = bob.settled()
            for state in (FaceState(person=key), FaceState()):
                letters = to_link(state, ViewSettings(others=((key, 0),)))
                with urllib.request.urlopen(f"{address}?state={letters}") as answer:
                    linked = answer.url.split("?")[0]
                with Visitor(linked) as carol:
                    carol.wait("not there for you; choose another face")
                    assert carol.has("**Face 0** unedited") and not carol.has("Ada")
                    wait(lambda carol=carol: np.abs(carol.settled().astype(int) - plain).mean() < 0.5, "face 0")
            bob.press("Delete this person")
            bob.settled()
            assert services.persons.seen_by(mine) == [(key, "Ada")]
            ada.upload("Add a photograph", "notes.txt", b"not an image")
            ada.wait("photograph: notes.txt: text, not an image")
            ada.upload("Add a photograph", "me.png", png(np.full((80, 60, 3), 90, np.uint8)))
            ada.wait("1 of at most 8 photographs: me.png")
            ada.press("Make the face")
            ada.wait("No face was made", seconds=120)
            ada.press("Delete this person")
            ada.wait("**Face 0** unedited")
            wait(lambda: services.persons.seen_by(mine) == [], "an empty folder")
            assert not list(tmp_path.rglob("*.safetensors"))
    finally:
        services.close()
        running.stop()
