"""Dependency runs one way, and importing the project never loads a GPU backend."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# A room may import itself and the rooms listed beside it.
BASE = {"assets", "files", "shapes", "weights", "pickles", "tables"}
MAY_IMPORT = {
    "assets": set(),
    "shapes": set(),
    "files": set(),
    "weights": {"files"},
    "pickles": set(),
    "tables": {"pickles"},
    "head": BASE,
    "render": BASE,
    "texture": BASE,
    "guidance": BASE,
    "export": BASE | {"head"},
    "animation": BASE | {"head", "synthetic", "fit"},  # fit only inside the function that reads a video
    "synthetic": BASE | {"head", "render"},
    "data": BASE | {"head", "render"},
    "edit": BASE | {"head", "render", "texture", "guidance", "animation"},
    "metrics": BASE,
    "fit": BASE | {"head", "render", "data", "texture"},
    "view": BASE | {"head", "render", "texture", "edit", "export"},
}


def _imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            parts = node.module.split(".")
            if node.module == "clipface":
                rooms |= {alias.name for alias in node.names}
            elif parts[0] == "clipface":
                rooms.add(parts[1])
            elif parts[0] in ("trainer", "scripts", "hydra", "pytorch_lightning"):
                rooms.add(parts[0])
        elif isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                if parts[0] in ("trainer", "scripts", "hydra", "pytorch_lightning"):
                    rooms.add(parts[0])
                elif parts[0] == "clipface" and len(parts) > 1:
                    rooms.add(parts[1])
    return rooms


@pytest.mark.parametrize("path", sorted((ROOT / "clipface").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_room_imports_only_what_lies_below_it(path: Path):
    room = path.relative_to(ROOT / "clipface").parts[0].removesuffix(".py")
    if room == "__init__":
        return
    foreign = _imported_rooms(path) - MAY_IMPORT[room] - {room}
    assert not foreign, f"{path.relative_to(ROOT)} imports {sorted(foreign)}"


def test_importing_everything_loads_no_renderer_backend_and_no_anny():
    modules = [
        ".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for p in sorted((ROOT / "clipface").rglob("*.py"))
        if not p.stem.startswith("warp_")
        and p.stem not in ("nvdiffrast_backend", "pointwise_triton", "pointwise_kernels")
    ]
    code = (
        f"import importlib, sys\nfor m in {modules!r}: importlib.import_module(m)\n"
        "found = {'warp', 'nvdiffrast', 'anny', 'chumpy'} & set(sys.modules)\nassert not found, found"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
