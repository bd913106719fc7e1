"""The command line of prepare_photos.py: its answers to what users get wrong, and to what goes wrong."""

import errno
import json

import pytest
import torch
from commands import script
from PIL import Image

from clipface.data import MaskedFaces
from clipface.photos import prepare
from clipface.photos.filter import FilterRule
from clipface.render import Renderer
from clipface.render.camera import project


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """Runs the command; returns its exit code and what it wrote to standard error."""
    command = script("prepare_photos")
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (64, 64)).save(tmp_path / "photos" / "a.png")

    def run(*words, photos="photos", out="set"):
        given = ["--photos", str(tmp_path / photos), "--out", str(tmp_path / out), "--workers", "0", *words]
        monkeypatch.setattr(command.signal, "signal", lambda *_: None)
        code = command.main(given)
        return code, capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    ("words", "changes", "said"),
    [
        ((), {"photos": "none"}, "none is no folder"),
        ((), {"photos": "photos/a.png"}, "a.png is no folder"),
        ((), {"out": "photos/a.png/set"}, "cannot write to"),
        ((), {"out": "photos"}, "expected another folder than that of the photographs"),
        ((), {"out": "."}, "holds other files and no data set"),
        (("--filter", "no_such"), {}, "one of default, paper or a YAML file"),
        (("--people", "none.csv"), {}, "people: none.csv does not exist"),
        (("--attributes", "none.zip"), {}, "attributes: none.zip does not exist"),
        (("--filter", "paper"), {}, "paper needs --attributes"),
        (("--fits", "fits"), {}, "expected flame with --fits"),
        (("--device", "cuda"), {}, "sees no CUDA device"),
    ],
)
def test_mistakes_are_explained_in_a_line(call, monkeypatch, words, changes, said):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    code, err = call(*words, **changes)
    assert code == 1 and err.startswith("error: ") and said in err and "Traceback" not in err


@pytest.mark.parametrize("words", [("--batch", "0"), ("--workers", "-1"), ("--shard", "many")])
def test_numbers_are_checked(call, words):
    with pytest.raises(SystemExit):
        call(*words)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "the same command goes on from here"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "is full. The shards that are complete stay"),
        (PermissionError(errno.EACCES, "Permission denied", "a.tar"), 1, "Permission denied"),
    ],
)
def test_what_ends_a_run_is_explained(call, monkeypatch, error, code, said):
    def fail(*_):
        raise error

    monkeypatch.setattr(prepare, "find_sources", fail)
    assert call()[0] == code
    assert said in call()[1]


def test_imported_vertices_make_a_data_set(call, monkeypatch, painted, tmp_path):
    """Every step of the command, with this head in the place of FLAME."""
    pytest.importorskip("onnxruntime")
    one = painted(1)
    Image.fromarray(one.images[0]).save(tmp_path / "photos" / "face.png")
    batch = one.batch
    vertices = one.head(batch.shape, batch.expression, batch.pose, batch.neck_pose, batch.eye_pose)
    (tmp_path / "fits").mkdir()
    torch.save(project(vertices, batch.camera)[0, :, :3], tmp_path / "fits" / "face.pt")
    torch.save(torch.zeros(1, 3), tmp_path / "fits" / "spare.pt")
    renderer = Renderer(one.head.faces, one.head.uv, one.head.uv_faces)
    monkeypatch.setattr(prepare, "load_head_and_renderer", lambda *_: (one.head, renderer))
    assert call("--head", "flame", "--fits", str(tmp_path / "fits"))[0] == 0
    assert (tmp_path / "set" / "contact_sheet.png").is_file()
    faces = MaskedFaces(tmp_path / "set", 64)
    assert faces.sources == ["face.png"] and faces.head == "flame" and faces[0].vertices is not None
    assert "no fit" in (tmp_path / "set" / "summary.json").read_text()


def test_rules_are_read_by_name_and_from_files(tmp_path):
    assert prepare.read_rule("default") == FilterRule()
    paper = prepare.read_rule("paper")
    assert paper.eyewear_rim == 0 and paper.attributes.accessories == ["headwear", "glasses", "mask"]
    (tmp_path / "mine.yaml").write_text("least_face: 300\nattributes: {unknown: keep}")
    mine = prepare.read_rule(str(tmp_path / "mine.yaml"))
    assert mine.least_face == 300 and mine.attributes.unknown == "keep" and mine.most_yaw == FilterRule().most_yaw
    (tmp_path / "mine.yaml").write_text("leest_face: 300")
    with pytest.raises(ValueError, match="leest_face"):
        prepare.read_rule(str(tmp_path / "mine.yaml"))


def test_two_runs_do_not_write_to_one_data_set(tmp_path):
    with prepare.exclusive(tmp_path), pytest.raises(ValueError, match="another run"), prepare.exclusive(tmp_path):
        pass


def test_a_part_says_what_comes_next(call, capsys, tmp_path):
    pytest.importorskip("onnxruntime")
    assert call("--part", "2/2")[0] == 0
    assert (
        "no face" not in capsys.readouterr().err
        and json.loads((tmp_path / "set" / "dataset.json").read_text())["parts"]
    )
    code, err = call()
    assert code == 1 and "the data set holds no face" in err
    assert "parts" not in json.loads((tmp_path / "set" / "dataset.json").read_text())
