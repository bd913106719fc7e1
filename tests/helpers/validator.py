"""The Khronos glTF validator, where node and its package `gltf-validator` are found."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = """
const validator = require('gltf-validator'), fs = require('fs');
validator.validateBytes(new Uint8Array(fs.readFileSync(process.argv[1])))
  .then(report => console.log(JSON.stringify(report)));
"""
MISSING = "npm install --global gltf-validator, or in the working directory or one above it"


def issues(path: Path) -> list[str]:
    """What the validator has to say of a file: errors, warnings, infos and hints."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node, which runs the glTF validator, is not installed")
    done = subprocess.run([node, "-e", SCRIPT, str(path)], capture_output=True, text=True, env=environment())
    if "Cannot find module 'gltf-validator'" in done.stderr:
        pytest.skip(f"the package gltf-validator is not installed: {MISSING}")
    assert done.returncode == 0, done.stderr
    return [f"{message['code']} {message['pointer']}" for message in json.loads(done.stdout)["issues"]["messages"]]


def environment() -> dict[str, str]:
    """With the folder of global packages, where Node.js does not look by itself."""
    npm = shutil.which("npm")
    found = subprocess.run([npm, "root", "--global"], capture_output=True, text=True).stdout.strip() if npm else ""
    paths = [path for path in (os.environ.get("NODE_PATH"), found) if path]
    return os.environ | {"NODE_PATH": os.pathsep.join(paths)}
