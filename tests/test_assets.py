import re

import pytest

from clipface import assets


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(KeyError, match="open_head"):
        assets.resolve("no_such_asset")


def test_missing_file_says_where_how_and_which_variable(monkeypatch, tmp_path):
    monkeypatch.setenv(assets.FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setattr(assets, "SHIPPED_FOLDER", tmp_path / "shipped")
    with pytest.raises(FileNotFoundError) as error:
        assets.resolve("flame")
    text = str(error.value)
    assert str(tmp_path / "flame/generic_model.pkl") in text
    assert str(tmp_path / "shipped/flame/generic_model.pkl") in text
    assert "flame.is.tue.mpg.de" in text and assets.FOLDER_VARIABLE in text


def test_users_folder_is_searched_first(monkeypatch, tmp_path):
    own = tmp_path / "open_head.npz"
    own.write_bytes(b"mine")
    monkeypatch.setenv(assets.FOLDER_VARIABLE, str(tmp_path))
    assert assets.resolve("open_head") == own


def test_changed_shipped_file_is_refused(monkeypatch, tmp_path):
    (tmp_path / "open_head.npz").write_bytes(b"cut off")
    monkeypatch.delenv(assets.FOLDER_VARIABLE, raising=False)
    monkeypatch.setattr(assets, "SHIPPED_FOLDER", tmp_path)
    with pytest.raises(ValueError, match="cut off or changed"):
        assets.resolve("open_head")


def test_shipped_files_are_those_the_table_and_the_readme_name():
    readme = (assets.SHIPPED_FOLDER / "README.md").read_text()
    shipped = [asset for asset in assets.ASSETS.values() if asset.sha256]
    assert len(shipped) == 10
    for asset in shipped:
        path = assets.SHIPPED_FOLDER / asset.file
        assert assets.checksum(path) == asset.sha256
        row = re.search(rf"^\|.*`{re.escape(asset.file)}`.*$", readme, flags=re.M)
        assert row, f"{asset.file} has no row in data/README.md"
        assert asset.sha256[:16] in row.group(), f"{asset.file}: the checksum in data/README.md is another one"
