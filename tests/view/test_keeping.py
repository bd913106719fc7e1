"""Sessions as files, in links, and over a restart of the server: what comes back, and what is refused."""

import json
import urllib.request
import zipfile
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from clipface.view.server.token_auth import new_name
from clipface.view.session.session_file import MOST_BYTES, from_link, to_link
from clipface.view.session.sessions import Session, Sessions
from clipface.view.session.state import Edit, FaceState, ViewSettings

STATE = FaceState(seed=7, edits=(Edit("look:zombie", 0.5, "lips", False), Edit("text:a witch")))
STATE = STATE.with_weight("jawOpen", 0.25).with_angle("neck_turn", -10).with_value("form", "nose width", 1.5)
STATE = STATE.with_value("moods", "angry", 0.5).with_value("sliders", "older", 20)
VIEW = ViewSettings("side by side", "studio", 0.5, "wireframe", "dark", (("", 3), ("", 9)), hair=True)


CAPTURE = b"rate: 10\nkeyframes:\n - {time: 0, expression: neutral}\n - {time: 0.5, expression: {jawOpen: 1}}\n"


def a_session():
    session = Session(view=VIEW, prompt="a witch", region="lips", as_layer=True, linked=False)
    session.history.push(STATE, "much", 0.0)
    session.history.push(replace(STATE, seed=8), "face", 10.0)
    session.history.move(-1)
    return session


def test_a_session_comes_back_from_its_file_with_all_that_can_be_undone():
    session, other = a_session(), Session()
    other.take(session.content())
    assert other.history.state == STATE and other.view == VIEW and other.history.labels(9) == session.history.labels(9)
    assert (other.prompt, other.region, other.as_layer, other.linked) == ("a witch", "lips", True, False)
    assert other.history.move(1).seed == 8 and other.history.move(-2) == FaceState()


def test_a_link_holds_the_face_and_its_view():
    assert from_link(to_link(STATE, VIEW)) == (STATE, VIEW)
    assert len(to_link(FaceState(seed=3, edits=(Edit("look:zombie"),)), ViewSettings())) < 150


def broken(change):
    found = json.loads(a_session().content())
    change(found)
    return json.dumps(found).encode()


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "expected JSON"),
        (b"\x80\x04K\x01.", "expected JSON"),  # a pickle
        (b"[" * 100_000, "nested too deep"),
        (b"[]", "expected an object"),
        (b"{}", "expected a clipface session"),
        (b" " * (MOST_BYTES + 1), "at most 2 MB"),
        (broken(lambda s: s.update(version=99)), "of version 1"),
        (broken(lambda s: s.update(entries=[])), "1 to 200 entries"),
        (broken(lambda s: s.update(entries=s["entries"] * 100)), "1 to 200 entries"),
        (broken(lambda s: s.update(position=7)), "position from 0 to 2"),
        (broken(lambda s: s["view"].update(light="candle")), "light: expected one of"),
        (broken(lambda s: s["view"].update(others=[["", "3"]])), "others: expected pairs"),
        (broken(lambda s: s["entries"][1]["face"].update(seed="7")), "seed: expected a whole number"),
        (broken(lambda s: s["entries"][1]["face"].update(beak=1)), "expected fields of .*got 'beak'"),
        (broken(lambda s: s["entries"][1]["face"].update(moods=[["angry", True]])), "moods: expected pairs"),
        (broken(lambda s: s["entries"][1]["face"].update(form=[["nose width", 1e9]])), "nose width: expected a number"),
        (broken(lambda s: s["entries"][1]["face"].update(edits=[{"strength": 1}])), "mapper"),
        (broken(lambda s: s["entries"][1]["face"].update(person=7)), "person: expected str"),
        (broken(lambda s: s.update(prompt=7)), "prompt: got int"),
    ],
)
def test_what_is_no_session_is_refused_and_changes_nothing(content, words):
    session = a_session()
    before = session.content()
    with pytest.raises(ValueError, match=words):
        session.take(content)
    assert session.content() == before


@pytest.mark.parametrize("letters", ["", "abc", "é", to_link(STATE, VIEW)[:-9], "A" * 9000])
def test_a_link_that_is_cut_off_is_refused(letters):
    with pytest.raises(ValueError, match="link: "):
        from_link(letters)


def test_sessions_outlive_the_server_and_a_damaged_file_is_told(tmp_path):
    sessions, name = Sessions(tmp_path / "kept"), new_name()
    session = sessions.connect(name)
    sessions.keep(session)
    assert not (tmp_path / "kept").exists(), "nothing was done yet"
    session.history.push(STATE, "much", 0.0)
    sessions.disconnect(session)
    assert (tmp_path / "kept").stat().st_mode & 0o77 == 0
    assert Sessions(tmp_path / "kept").connect(name).history.state == STATE
    (tmp_path / "kept" / f"{name}.json").write_bytes(b"{")
    damaged = Sessions(tmp_path / "kept").connect(name)
    assert damaged.history.state == FaceState() and "cannot be read" in damaged.remark


def test_a_link_begins_a_new_session_and_no_old_one():
    sessions = Sessions()
    sessions.begin("linked", STATE, VIEW)
    session = sessions.connect("linked")
    assert session.history.state == STATE and session.view == VIEW
    session.history.push(FaceState(seed=1), "face", 10.0)
    sessions.begin("linked", STATE, VIEW)  # the page is loaded again
    assert sessions.connect("linked").history.state == FaceState(seed=1)


def test_what_is_saved_opened_linked_recorded_and_exported_in_the_page(data, runs, tmp_path):
    pytest.importorskip("viser", reason="viser is missing: pip install -e '.[view]'")
    from page_visitor import Visitor, wait

    from clipface.view.__main__ import parse, serve

    given = ["--port", "0", "--runs", str(runs), "--generator", str(data / "generator.safetensors")]
    running, services, address = serve(parse([*given, "--keep", str(tmp_path)]))
    name = new_name()
    try:
        with Visitor(address + name) as one:
            one.type("zombie")
            one.wait("Face 0** with *my zombie*")
            one.set("Backdrop", "dark")
            shown = one.settled()
            one.press("Save the session")
            one.press("Make a link")
            wait(lambda: "face.clipface.json" in one.files, "the session")
            one.wait("[This face, as it is now](/?state=")
            link = next(text for text in one._texts() if "state=" in text).split("(")[1].rstrip(")")
            check_pictures_and_motion(one, shown)
            one.press("GLB of every face in the gallery")
            one.wait("gallery: expected an open one")
            one.set("Search", "clown")
            one.press("Choose a look …")
            one.wait("Close the looks")
            one.press("GLB of every face in the gallery")
            wait(lambda: "faces.zip" in one.files, "the faces")
            with zipfile.ZipFile(BytesIO(one.files["faces.zip"])) as archive:
                assert archive.namelist() == ["01_clown.glb"] and archive.read("01_clown.glb")[:4] == b"glTF"
        with Visitor(address + new_name()) as two:
            two.upload("Open a session", "face.clipface.json", one.files["face.clipface.json"])
            two.wait("Face 0** with *my zombie*")
            two.upload("Open a session", "face.clipface.json", b"{}")
            two.wait("session: expected a clipface session")
            assert two.has("Face 0** with *my zombie*")
        with urllib.request.urlopen(address.rstrip("/") + link) as answer:
            linked = answer.url.split("?")[0]
        with Visitor(linked) as three:
            three.wait("Face 0** with *my zombie*")
            assert np.abs(three.settled().astype(int) - shown).mean() < 1
    finally:
        services.training.close()
        running.stop()
    running, services, address = serve(parse([*given, "--keep", str(tmp_path)]))
    try:
        with Visitor(address + name) as again:
            again.wait("Face 0** with *my zombie*")
            assert again.value("Backdrop") == "dark"
    finally:
        services.training.close()
        running.stop()


def check_pictures_and_motion(one, still):
    from page_visitor import wait

    one.set("Transparent", True)
    one.set("Height of the image", 200)
    one.press("PNG")
    wait(lambda: "face_0_edited.png" in one.files, "an image")
    image = np.asarray(Image.open(BytesIO(one.files["face_0_edited.png"])))
    assert image.shape[0] == 200 and image.shape[2] == 4 and image[0, 0, 3] == 0 and image[100, -1, 3] == 0
    assert image[..., 3].max() == 255
    one.set("Motion", "laugh")
    one.press("Play")
    wait(lambda: one.labelled("Stop"), "what plays")
    count = len(one.images)
    wait(lambda: len(one.images) > count + 5, "images")
    assert np.abs(one.images[-1].astype(int).mean() - one.images[-4].astype(int).mean()) != 0
    one.press("Stop")
    wait(lambda: one.labelled("Play"), "the end")
    assert np.abs(one.settled().astype(int) - still).mean() < 1, "as before"
    one.upload("Add a capture or video", "me.yaml", CAPTURE)
    wait(lambda: one.value("Motion") == "me.yaml", "the capture")
    one.upload("Add a capture or video", "me.exe", b"x")
    one.wait("capture: expected a file .yaml")
    one.set("Height of the video", 128)
    one.press("Record MP4")
    wait(lambda: "motion.mp4" in one.files, "a video", 90)
    av = pytest.importorskip("av")
    with av.open(BytesIO(one.files["motion.mp4"])) as video:
        frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert len(frames) == 6 and frames[0].shape[0] == 128
    assert np.abs(frames[-1].astype(int) - frames[0]).mean() > 0.3
