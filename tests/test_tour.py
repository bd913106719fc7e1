"""docs/tour.ipynb runs from beginning to end, and holds an image."""

import base64
import re
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parent.parent / "docs/tour.ipynb"
SMALL = ["experiment=smoke", "image_size=32", "validation=1", "views=1"]
MOST_BYTES = 400_000
MOST_LINES = 32


def code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def images(notebook: nbformat.NotebookNode) -> list[bytes]:
    outputs = [output for cell in code(notebook) for output in cell.outputs]
    return [base64.b64decode(each.data["image/png"]) for each in outputs if "image/png" in each.get("data", {})]


def test_it_runs_on_small_settings(tiny_files, tmp_path, monkeypatch):
    monkeypatch.setenv("CLIPFACE_DATA", str(tiny_files))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    (parameters,) = (cell for cell in code(notebook) if "parameters" in cell.metadata.get("tags", []))
    assert "[]" in parameters.source
    parameters.source = parameters.source.replace("[]", repr(SMALL))
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert len(images(notebook)) == 1
    assert {"zombie.glb", "zombie.obj", "mapper.safetensors"} <= {path.name for path in (tmp_path / "tour").iterdir()}


def test_what_is_kept_is_short_small_and_without_paths_of_any_machine():
    text, notebook = NOTEBOOK.read_text(), nbformat.read(NOTEBOOK, as_version=4)
    assert len(text) < MOST_BYTES
    lines = [line for cell in code(notebook) for line in cell.source.splitlines() if line.strip()]
    assert len(lines) < MOST_LINES, f"{len(lines)} lines of code"
    assert len(images(notebook)) == 1
    words = re.sub(r'"image/png": "[^"]*"', "", text)
    assert not re.search(r"(?<![\w./])/(home|tmp|root|usr|work|Users|mnt|opt)/|[A-Z]:\\\\", words)
    assert all(cell.execution_count for cell in code(notebook)), "run it again, from the first cell to the last"
