"""Readers of glTF files that are packages of Node.js, where it and they are found."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest


def run(script: str, package: str, install: str, path: Path) -> dict:
    """What a script that needs a package prints as JSON of a file; skips the test where one of them is missing."""
    node = shutil.which("node")
    if node is None:
        pytest.skip(f"node, which runs {package}, is not installed")
    done = subprocess.run([node, "-e", script, str(path)], capture_output=True, text=True, env=_environment())
    if f"Cannot find module '{package}'" in done.stderr:
        pytest.skip(f"the package {package} is not installed: {install}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _environment() -> dict[str, str]:
    """With the folder of global packages, where Node.js does not look by itself."""
    npm = shutil.which("npm")
    found = subprocess.run([npm, "root", "--global"], capture_output=True, text=True).stdout.strip() if npm else ""
    paths = [path for path in (os.environ.get("NODE_PATH"), found) if path]
    return os.environ | {"NODE_PATH": os.pathsep.join(paths)}
