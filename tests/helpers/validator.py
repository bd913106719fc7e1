"""The Khronos glTF validator, where node and its package `gltf-validator` are found."""

from pathlib import Path

from node import run

SCRIPT = """
const validator = require('gltf-validator'), fs = require('fs');
validator.validateBytes(new Uint8Array(fs.readFileSync(process.argv[1])))
  .then(report => console.log(JSON.stringify(report)));
"""
INSTALL = "npm install --global gltf-validator, or in the working directory or one above it"


def issues(path: Path) -> list[str]:
    """What the validator has to say of a file: errors, warnings, infos and hints."""
    report = run(SCRIPT, "gltf-validator", INSTALL, path)
    return [f"{message['code']} {message['pointer']}" for message in report["issues"]["messages"]]
