import re
import subprocess
import sys

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
    assert len(shipped) == 20
    for asset in shipped:
        path = assets.SHIPPED_FOLDER / asset.file
        assert assets.checksum(path) == asset.sha256
        row = re.search(rf"^\|.*`{re.escape(asset.file)}`.*$", readme, flags=re.M)
        assert row, f"{asset.file} has no row in data/README.md"
        assert asset.sha256[:16] in row.group(), f"{asset.file}: the checksum in data/README.md is another one"


def test_the_list_names_every_asset_with_licence_place_and_remedy(capsys, monkeypatch):
    monkeypatch.delenv(assets.FOLDER_VARIABLE, raising=False)
    assets.main([])
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line for line in lines if line[:1].isalpha()}
    for name, asset in assets.ASSETS.items():
        assert asset.licence in rows[name] and asset.file in rows[name]
        assert lines[lines.index(rows[name]) + 1].strip().lower() == f"{asset.how}.".lower()
    assert "there" in rows["open_head"] and str(assets.SHIPPED_FOLDER) in rows["open_head"]


def test_the_list_tells_missing_and_damaged_files(capsys, monkeypatch, tmp_path):
    (tmp_path / "open_head.npz").write_bytes(b"cut off")
    monkeypatch.delenv(assets.FOLDER_VARIABLE, raising=False)
    monkeypatch.setattr(assets, "SHIPPED_FOLDER", tmp_path)
    assets.main(["open_head", "flame"])
    first, _, third, *_, last = capsys.readouterr().out.splitlines()
    assert first.split()[:2] == ["open_head", "damaged"] and third.split()[:2] == ["flame", "missing"]
    assert str(tmp_path) in last and assets.FOLDER_VARIABLE in last
    own = tmp_path / "own"
    (own / "flame").mkdir(parents=True)
    (own / "flame/generic_model.pkl").touch()
    monkeypatch.setenv(assets.FOLDER_VARIABLE, str(own))
    assets.main(["--missing", "flame"])
    assert capsys.readouterr().out == "Nothing is missing.\n"
    with pytest.raises(SystemExit):
        assets.main(["no_such_asset"])
    assert "open_head" in capsys.readouterr().err


def test_listing_imports_nothing_heavy():
    code = "import sys, clipface.assets; assert not {'torch', 'numpy', 'hydra'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=assets.SHIPPED_FOLDER.parent)
