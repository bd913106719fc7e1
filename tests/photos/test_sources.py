"""Which photographs there are, and which of them a data set lacks."""

import os
from pathlib import Path

import pytest

from clipface.data.shards import Shard
from clipface.photos.sources import Source, find_sources, grouped, make_plan, packed, read_people, with_files


def test_pictures_of_any_name_are_found_and_others_counted(tmp_path):
    names = ["b/a.jpg", "b/a.png", "ä ö/ü.JPG", "c.heic", ".hidden.jpg", ".d/e.jpg", "notes.txt", "out/sheet.png"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"12345")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "b" / "again").symlink_to(tmp_path)  # a circle
    sources, others = find_sources(tmp_path, tmp_path / "out", {"b/a.jpg": "ann"})
    assert [source.file for source in sources] == ["b/a.jpg", "b/a.png", "c.heic", "gone.jpg", "ä ö/ü.JPG"]
    assert others == 1 and sources[0].size == 5 and [source.person for source in sources][:2] == ["ann", None]


def test_numbered_pictures_come_as_they_are_numbered(tmp_path):
    names = ["1.jpg", "2b.jpg", "10.jpg", "10/3.jpg", "10/12.jpg", "a 9.jpg", "a 11.jpg"]
    (tmp_path / "10").mkdir()
    for name in names:
        (tmp_path / name).touch()
    assert [source.file for source in find_sources(tmp_path, tmp_path / "out")[0]] == names


def test_names_that_are_no_text_are_found(tmp_path):
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xe9.jpg"))).touch()
    assert find_sources(tmp_path, tmp_path / "out")[0][0].file == "\udce9.jpg"


def test_no_pictures_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        find_sources(tmp_path / "none", tmp_path)
    (tmp_path / "a.txt").touch()
    with pytest.raises(FileNotFoundError, match="holds no images.* 1 other files"):
        find_sources(tmp_path, tmp_path / "out")


def shard(number, *sources):
    return Shard(Path(f"{number:05d}.tar"), {"sources": {source.file: source.record() for source in sources}})


A, B, C = (Source(f"{name}.jpg", 5, 1) for name in "abc")


@pytest.mark.parametrize(
    ("now", "todo", "why"),
    [
        ([A, B], "", None),
        ([A, B, C], "c", None),
        ([A, B._replace(size=6)], "ab", "b.jpg was changed"),
        ([A, B._replace(mtime_ns=2)], "ab", "b.jpg was changed"),
        ([A, B._replace(person="ann")], "ab", "b.jpg was changed"),
        ([A, B._replace(fit="5 1")], "ab", "b.jpg was changed"),
        ([A], "a", "b.jpg was removed"),
    ],
)
def test_only_what_is_missing_is_planned(now, todo, why):
    plan = make_plan(now, [shard(3, A, B)])
    assert [source.file[0] for source in plan.todo] == list(todo)
    assert list(plan.stale.values()) == ([why] if why else []) and plan.numbers == (set() if why else {3})


def test_new_pictures_of_a_person_take_the_old_ones_along():
    ann, bob = ([Source(f"{name}{n}.jpg", 5, 1, name) for n in range(3)] for name in ("ann", "bob"))
    shards = [shard(0, ann[0], bob[0]), shard(1, bob[1]), shard(2, A)]
    plan = make_plan([*ann[:2], *bob[:2], A], shards)
    # Ann has a new image, so the first shard is made again; thereby Bob has, so the second is.
    assert plan.stale == {
        Path("00000.tar"): "there are new photographs of ann", Path("00001.tar"): "there are new photographs of bob",
    }  # fmt: skip
    assert plan.todo == [*ann[:2], *bob[:2]] and plan.numbers == {2}


def test_people_stay_together_and_packets_are_bounded():
    sources = [Source(f"{n}.jpg", 1, 1, {1: "ann", 4: "ann", 5: "ann"}.get(n)) for n in range(7)]
    groups = grouped(sources, most=2)
    assert [[source.file[0] for source in group] for group in groups] == [["0"], ["1", "4"], ["5"], ["2"], ["3"], ["6"]]
    packets = packed(groups, 3)
    assert [sum(map(len, packet)) for packet in packets] == [3, 3, 1]
    assert [group for packet in packets for group in packet] == groups


def test_people_file(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("\ufefffile,age,person\na.jpg,20,ann\nb.jpg,,\n", encoding="utf-8")
    assert read_people(path) == {"a.jpg": "ann"}
    path.write_text("name,person\n")
    with pytest.raises(ValueError, match="people: expected columns file, person"):
        read_people(path)
    with pytest.raises(FileNotFoundError, match="people"):
        read_people(tmp_path / "none.csv")


def test_the_file_a_head_comes_from_is_noted(tmp_path):
    (tmp_path / "a.mat").write_bytes(b"123")
    marked = with_files([A, B], {"a.jpg": tmp_path / "a.mat"})
    assert marked[0].fit.startswith("3 ") and marked[1].fit is None
