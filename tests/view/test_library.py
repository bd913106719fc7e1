"""One broken run folder does not hide the others."""

import json
import shutil

import pytest

from clipface.view.edits.library import Library

BROKEN = {
    "a list": "[]",
    "words": '"words"',
    "cut off": '{"mapper": {"levels"',
    "not text": b"\xff\xfe\x00",
    "deep": "[" * 100_000,
    "a mapper of words": {"mapper": "mine"},
    "a mapper of a list": {"mapper": [1]},
    "levels of words": {"mapper": {"levels": "many"}},
    "a prompt of words": {"prompt": "a photo of a ghost"},
    "a target that is a number": {"prompt": {"name": "ghost", "target": 3}},
    "a name that is a list": {"prompt": {"name": ["ghost"], "target": "a photo of a ghost"}},
    "a region that is a number": {"mapper": {"region": 3}},
    "an origin that is a list": {"uv_map": [], "generator_sha256": {}, "head_sha256": 3},
}


@pytest.mark.filterwarnings("ignore:.*made with head 3")
@pytest.mark.parametrize("name", BROKEN)
def test_one_broken_run_does_not_hide_the_others(engine, runs, tmp_path, name):
    for run in runs.iterdir():
        shutil.copytree(run, tmp_path / run.name)
    broken, wrong = shutil.copytree(runs / "my_zombie", tmp_path / "broken"), BROKEN[name]
    notes = broken / "mapper.json"
    if isinstance(wrong, dict):
        own = json.loads(notes.read_text())
        wrong = json.dumps({key: _merged(own.get(key), wrong.get(key)) for key in {*own, *wrong}})
    notes.write_bytes(wrong if isinstance(wrong, bytes) else wrong.encode())
    library = Library(tmp_path, engine.avatar)
    assert {run.name for run in library.runs()} == {"my_zombie", "my_clown"}
    assert library.find("a photo of a zombie").name == "my_zombie" and library.find("ghost") is None


def _merged(own: object, wrong: object) -> object:
    if wrong is None:
        return own
    return own | wrong if isinstance(own, dict) and isinstance(wrong, dict) else wrong


def test_folders_of_other_kinds_are_passed_over(engine, runs, tmp_path):
    shutil.copytree(runs / "my_clown", tmp_path / "my_clown")
    (tmp_path / "a_folder" / "mapper.safetensors").mkdir(parents=True)
    (tmp_path / "a_file").write_bytes(b"x")
    (tmp_path / "a_circle").symlink_to(tmp_path / "a_circle")
    (tmp_path / "no_notes").mkdir()
    shutil.copy(runs / "my_clown" / "mapper.safetensors", tmp_path / "no_notes")
    assert [run.name for run in Library(tmp_path, engine.avatar).runs()] == ["my_clown"]
