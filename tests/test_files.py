"""Files are replaced or left alone, never half written; tables say what they lack."""

from pathlib import Path

import pytest

from clipface.files import names_of, read_table, replacing, write_atomic


def test_a_file_is_replaced_and_its_folder_made(tmp_path):
    path = tmp_path / "new" / "file.txt"
    assert write_atomic(path, "é") == path and path.read_bytes() == "é".encode()
    write_atomic(str(path), b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff" and [file.name for file in path.parent.iterdir()] == ["file.txt"]


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_behind(tmp_path):
    path = tmp_path / "file.txt"
    write_atomic(path, "old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as partial:
        partial.write_text("half")
        assert path.read_text() == "old" and partial.parent == path.parent
        raise KeyboardInterrupt
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_table_is_read_with_byte_order_mark_and_short_rows(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text('\ufefffile,person,note\n"a, b.jpg",zoë\nc.jpg,bob,x\n', encoding="utf-8")
    rows = [
        {"file": "a, b.jpg", "person": "zoë", "note": ""},
        {"file": "c.jpg", "person": "bob", "note": "x"},
    ]
    assert read_table(path, ("file", "person")) == rows


def test_what_a_table_lacks_is_named(tmp_path):
    path = tmp_path / "people.csv"
    with pytest.raises(FileNotFoundError, match=r"people: .*people\.csv does not exist; .* columns file, person"):
        read_table(path, ("file", "person"), "people")
    path.write_text("file,name\na.jpg,ann\n")
    message = r"people: expected columns file, person in .*people\.csv, got file, name; name person in its first line"
    with pytest.raises(ValueError, match=message):
        read_table(path, ("file", "person"), "people")
    path.write_text("")
    with pytest.raises(ValueError, match="got an empty file"):
        read_table(path, ("file", "person"))
    path.write_bytes("file,person\né,ann".encode("utf-16"))
    with pytest.raises(ValueError, match=r"expected a CSV file in UTF-8, got .*people\.csv"):
        read_table(path, ("file", "person"))


def test_names_for_what_is_made_of_files_are_no_two_alike():
    paths = [Path(path) for path in ("x/me.jpg", "x/anna/1.jpg", "x/bert/1.jpg", "x/bert/2.jpg", "x/bert/2.PNG")]
    assert names_of(paths) == ["me", "anna_1", "bert_1", "2.jpg", "2.PNG"]
    assert names_of(paths[:2]) == ["me", "1"] and names_of([]) == []
    assert names_of([paths[0], Path("y/../x/me.jpg")]) == ["me", "me"], "one file, given twice"
