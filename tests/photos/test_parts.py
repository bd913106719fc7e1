"""Work that several processes share part by part is that of one, bit for bit, and nothing reads it half done."""

import json
from pathlib import Path

import launcher
import numpy as np
import pytest
from commands import script
from fitted_heads import write_fitted
from PIL import Image
from preparing import options, run

from clipface.data import MaskedFaces
from clipface.data.shards import join_parts
from clipface.data.textures import read_textures
from clipface.parts import Part, shares
from clipface.photos import prepare


def work(process: int, photos: str) -> None:
    """One of two processes."""
    run(options(Path(photos), shard=2, part=Part(process + 1, 2)))


def test_parts_prepare_the_data_set_of_one(photos):
    out = photos.parent / "set"
    launcher.pair(__file__, "work", photos)
    with pytest.raises(ValueError, match="expected a complete one, got parts in .*without --part"):
        MaskedFaces(out, 32)
    for changes in ({"part": Part(1, 3)}, {"shard": 3}, {"batch": 1}):
        wrong = options(photos, **{"shard": 2, "part": Part(1, 2)} | changes)
        with pytest.raises(ValueError, match="part: expected the 2 parts, photographs, --batch and --shard"):
            run(wrong)
    assert not run(options(photos, shard=2)).calls, "all is done"
    join_parts(out)
    joined = MaskedFaces(out, 32)
    out.rename(out.with_name("joined"))
    joined = MaskedFaces(out.with_name("joined"), 32)
    run(options(photos, shard=2))
    one = MaskedFaces(out, 32)
    assert joined.names == one.names and len(one) == 4
    for row in range(len(one)):
        for name, array in one.parameters(row).items():
            np.testing.assert_array_equal(joined.parameters(row)[name], array, err_msg=name)
        for image, other in zip(joined.images(row), one.images(row), strict=True):
            np.testing.assert_array_equal(np.asarray(image), np.asarray(other))
    with pytest.raises(ValueError, match="part: expected the 1 parts"):
        run(options(photos, shard=2, part=Part(1, 2)))


def test_a_part_makes_again_what_it_lacks_alone(photos):
    chosen = [options(photos, shard=2, part=Part(number, 2)) for number in (1, 2)]
    for each in chosen:
        run(each)
    out, (first, *_) = photos.parent / "set", sorted((photos.parent / "set" / "shards").glob("*.tar"))
    first.write_bytes(first.read_bytes()[:1000])
    (out / "shards" / "00001.tar.partial").touch()  # of the other part, which is at work
    assert not run(chosen[1]).calls and not (out / "shards" / "00001.tar.partial").exists()
    (out / "shards" / "00001.tar.partial").touch()
    again = run(chosen[0])
    assert [files for files, _ in again.calls] == [["a.png", "b.png"]] and again.damaged[0].startswith("00000.tar")
    assert (out / "shards" / "00001.tar.partial").exists()


def test_a_part_is_kept_off_by_the_same_one_and_by_the_whole(tmp_path):
    with prepare.exclusive(tmp_path, Part(1, 2)), prepare.exclusive(tmp_path, Part(2, 2)):
        for other, said in ((Part(1, 2), "part 1/2"), (None, "out")):
            with pytest.raises(ValueError, match=f"{said}: another run"), prepare.exclusive(tmp_path, other):
                pass
    with prepare.exclusive(tmp_path):
        pass


def test_parts_bake_the_textures_of_one(open_head, tmp_path, capsys):
    faces = write_fitted(tmp_path / "set", *open_head, 10)
    words = ["--dataset", str(faces), "--size", "32", "--no-preview"]
    bake = script("bake_texture").main
    assert bake([*words, "--out", str(tmp_path / "parts"), "--part", "2/2"]) == 0
    with pytest.raises(ValueError, match=r"expected all 2 parts in .*, got 1; run --part 1/2 too"):
        read_textures(tmp_path / "parts", 32)
    for wrong in (["--part", "1/3"], ["--part", "1/2", "--unlit", "0.5"], ["--part", "1/2", "--match", "face[0-8]"]):
        assert bake([*words, "--out", str(tmp_path / "parts"), *wrong]) == 1
        assert "part: expected the settings of" in capsys.readouterr().err
    assert bake([*words, "--out", str(tmp_path / "parts"), "--part", "1/2"]) == 0
    assert bake([*words, "--out", str(tmp_path / "one")]) == 0
    names, textures = read_textures(tmp_path / "parts", 32)
    other_names, others = read_textures(tmp_path / "one", 32)
    assert names == other_names and len(names) == 10 and bool((textures == others).all())
    (tmp_path / "parts" / "part_1_of_2.json").write_text(json.dumps({"parts": 2, "size": 64}))
    with pytest.raises(ValueError, match="expected parts of one work"):
        read_textures(tmp_path / "parts", 32)


@pytest.mark.parametrize("words", ["0/2", "3/2", "1", "1/x", "-1/2", "1/99999", ""])
def test_what_is_no_part_is_refused(words, tmp_path, capsys):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(SystemExit):
        script("prepare_photos").main(["--photos", str(tmp_path), "--out", str(tmp_path / "set"), f"--part={words}"])
    assert "expected a part such as 3/16" in capsys.readouterr().err


def test_parts_are_all_of_it_and_never_meet():
    items = list(range(100))
    parts = [shares(items, 8, Part(number, 5)) for number in range(1, 6)]
    assert sorted(sum(parts, [])) == items and shares(items, 8, None) == items
