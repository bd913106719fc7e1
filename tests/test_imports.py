"""Dependency runs one way, not even types go upward or in a circle, and importing the project loads no GPU backend."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# The rooms, from the lowest up: a room imports itself and what stands before it.
ORDER = (
    *("startup", "settings", "files", "documents", "parts", "arrays", "matlab", "shapes", "images", "videos"),
    *("pickle_check", "pickle_readers", "pickles", "tables", "assets", "weights"),
    *("head", "render", "texture", "guidance", "data", "metrics"),
    *("synthetic", "bake", "fit", "photos", "animation", "export", "edit", "evaluation", "view", "trainer", "scripts"),
)
COMMANDS = ("hydra", "pytorch_lightning", "lightning")  # of trainers alone
TRAINING_IN_THE_PAGE = {"clipface/view/edits/training.py"}  # starts `python -m trainer.mapper` in a process of its own
FILES = sorted(path for folder in ("clipface", "trainer", "scripts") for path in (ROOT / folder).rglob("*.py"))
BACKENDS = ("warp", "nvdiffrast_backend.py", "activation_triton.py", "upsample_triton.py")  # loaded at first use


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path) for path in FILES}


def imported(path: Path) -> Iterator[str]:
    """Modules that a file imports anywhere in it: inside functions, for type checking and by relative names too."""
    package = module_of(path) if path.name == "__init__.py" else module_of(path).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if parts[0] == "clipface" and len(parts) > 1 else parts[0]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_room_imports_only_what_lies_below_it(path: Path):
    room = room_of(module_of(path))
    if room == "clipface":
        return
    below = ORDER[: ORDER.index(room) + 1]
    own = {name for name in imported(path) if name.split(".")[0] in ("clipface", "trainer", "scripts")}
    upward = sorted(name for name in own if room_of(name) not in (*below, "clipface"))
    assert not upward, f"{path.relative_to(ROOT)} imports upward: {upward}"
    if room not in ("trainer", "scripts"):
        commands = sorted(name for name in imported(path) if name.split(".")[0] in COMMANDS)
        assert not commands, f"{path.relative_to(ROOT)} imports {commands}"


def test_scripts_import_the_package_and_their_own_folder_never_each_other():
    for path in FILES:
        if room_of(module_of(path)) != "scripts":
            continue
        own_folders = {child.name for child in path.parent.iterdir() if child.is_dir()} | {path.parent.name}
        own_folders |= set(path.relative_to(ROOT).parts[2:-1])  # of one program, in folders of its own
        for name in imported(path):
            parts = name.split(".")
            foreign = parts[0] == "scripts" and not set(parts[1:-1]) & (own_folders - {"scripts"})
            assert not foreign, f"{path.relative_to(ROOT)} imports {name}"


def test_no_module_imports_itself_through_others():
    graph = {module_of(path): {name for name in imported(path) if name in MODULES} for path in FILES}
    for module, names in graph.items():  # a package's door opens lazily; importing it is no dependency on all of it
        names.discard(module)
    done: set[str] = set()
    for start in sorted(graph):
        path: list[tuple[str, Iterator[str]]] = [(start, iter(sorted(graph[start])))]
        while path:
            step = next(path[-1][1], None)
            if step is None:
                done.add(path.pop()[0])
            elif step in (names := [name for name, _ in path]):
                circle = [*names[names.index(step) :], step]
                raise AssertionError(f"imports go in a circle: {' -> '.join(circle)}")
            elif step not in done:
                path.append((step, iter(sorted(graph[step]))))


def test_importing_everything_loads_no_renderer_backend_and_no_anny():
    modules = [
        module_of(path)
        for path in FILES
        if path.parts[len(ROOT.parts)] == "clipface"
        and path.name not in BACKENDS
        and "rasterize/warp" not in path.as_posix()
    ]
    code = (
        f"import importlib, sys\nfor m in {modules!r}: importlib.import_module(m)\n"
        "found = {'warp', 'nvdiffrast', 'anny', 'chumpy', 'open_clip', 'timm', 'wandb', 'pytorch_lightning',"
        " 'onnxruntime'} & set(sys.modules)\nassert not found, found"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
