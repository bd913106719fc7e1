"""glTF-Transform, another reader of glTF files, where node and its package `@gltf-transform/core` are found."""

from pathlib import Path

from node import run

SCRIPT = """
const { NodeIO } = require('@gltf-transform/core');
new NodeIO().read(process.argv[1]).then(file => {
  const root = file.getRoot(), mesh = root.listMeshes()[0];
  const primitives = mesh.listPrimitives().map(primitive => ({
    material: primitive.getMaterial().getName(),
    normal: (primitive.getMaterial().getNormalTexture() || { getSize: () => null }).getSize(),
    positions: Array.from(primitive.getAttribute('POSITION').getArray()),
    tangents: primitive.getAttribute('TANGENT') ? primitive.getAttribute('TANGENT').getCount() : 0,
    indices: Array.from(primitive.getIndices().getArray()),
    targets: primitive.listTargets().map(target => Array.from(target.getAttribute('POSITION').getArray())),
  }));
  const joints = root.listSkins()[0].listJoints().map(joint => joint.getName());
  console.log(JSON.stringify({ primitives, joints, weights: mesh.getWeights(), names: mesh.getExtras().targetNames }));
});
"""
INSTALL = "npm install --global @gltf-transform/core"


def read(path: Path) -> dict:
    """What glTF-Transform finds in a file with one skinned mesh."""
    return run(SCRIPT, "@gltf-transform/core", INSTALL, path)
