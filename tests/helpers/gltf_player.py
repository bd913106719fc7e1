"""Poses and plays glTF files in NumPy, as the specification says."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from clipface.export.parts import head_parts
from clipface.head import HeadModel

COMPONENTS = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
SIZES = {"SCALAR": (), "VEC2": (2,), "VEC3": (3,), "VEC4": (4,), "MAT4": (4, 4)}


def in_file(head: HeadModel) -> np.ndarray:
    """A head's triangles [F, 3] in the order in which files have them: part by part."""
    return head.faces.numpy()[np.concatenate(list(head_parts(head).values()))]


class Rig:
    """One skinned mesh, bent in NumPy."""

    def __init__(self, path: Path):
        import pygltflib

        self.document = pygltflib.GLTF2().load_binary(str(path))
        (self.mesh,) = self.document.meshes
        self.primitives = self.mesh.primitives
        self.skin = self.document.skins[0] if self.document.skins else None
        self.extras = self.mesh.extras or {}
        self.names = self.extras.get("targetNames", [])

    def array(self, index: int) -> np.ndarray:
        accessor = self.document.accessors[index]
        kind, size = np.dtype(COMPONENTS[accessor.componentType]), SIZES[accessor.type]
        array = np.zeros((accessor.count, *size), kind)
        if accessor.bufferView is not None:
            array = self.bytes(accessor.bufferView, kind).reshape(-1, *size)[: accessor.count].copy()
        if accessor.sparse is not None:
            indices, values = accessor.sparse.indices, accessor.sparse.values
            rows = self.bytes(indices.bufferView, np.dtype(COMPONENTS[indices.componentType]))
            assert len(rows) == accessor.sparse.count and (np.diff(rows.astype(int)) > 0).all()
            array[rows] = self.bytes(values.bufferView, kind).reshape(-1, *size)
        if accessor.min:
            np.testing.assert_array_equal(accessor.min, array.min(0))
            np.testing.assert_array_equal(accessor.max, array.max(0))
        return array

    def bytes(self, index: int, kind: np.dtype) -> np.ndarray:
        view = self.document.bufferViews[index]
        assert view.byteOffset % 4 == 0
        return np.frombuffer(self.document.binary_blob()[view.byteOffset :][: view.byteLength], kind)

    def attribute(self, name: str) -> np.ndarray:
        """Of all primitives' vertices, one primitive after the other."""
        return np.concatenate([self.array(getattr(part.attributes, name)) for part in self.primitives])

    def target(self, number: int, name: str) -> np.ndarray:
        """The same of a morph target."""
        return np.concatenate([self.array(part.targets[number][name]) for part in self.primitives])

    @property
    def corners(self) -> np.ndarray:
        """Triangles of all primitives, in the order of `in_file`."""
        found, count = [], 0
        for part in self.primitives:
            found.append(self.array(part.indices).reshape(-1, 3) + count)
            count += self.document.accessors[part.attributes.POSITION].count
        return np.concatenate(found)

    def bend(self, attribute: str, weights: Sequence[float], local: np.ndarray) -> np.ndarray:
        """Vertices, or normals, of the split mesh.

        Args:
            attribute: POSITION or NORMAL.
            weights: of the morph targets.
            local: [J, 4, 4] of the joints' nodes, each in its parent's axes.
        """
        values = self.attribute(attribute).astype(np.float64)
        for number, weight in enumerate(weights):
            values += weight * self.target(number, attribute)
        shares, joints = self.attribute("WEIGHTS_0"), self.attribute("JOINTS_0")
        blended = np.einsum("nk,nkij->nij", shares, self.joint_matrices(local)[joints])
        if attribute == "NORMAL":
            moved = np.einsum("nij,nj->ni", blended[:, :3, :3], values)
            return moved / np.linalg.norm(moved, axis=1, keepdims=True)
        return np.einsum("nij,nj->ni", blended[:, :3, :3], values) + blended[:, :3, 3]

    def joint_matrices(self, local: np.ndarray) -> np.ndarray:
        nodes, matrices = self.document.nodes, {}

        def place(index: int, parent: np.ndarray) -> None:
            matrices[index] = parent @ local[index]
            for child in nodes[index].children:
                place(child, matrices[index])

        place(self.skin.skeleton, np.eye(4))
        inverse = self.array(self.skin.inverseBindMatrices).transpose(0, 2, 1)  # stored column by column
        return np.stack([matrices[node] for node in self.skin.joints]) @ inverse


class Player(Rig):
    """One animation of one skinned mesh."""

    def __init__(self, path: Path):
        super().__init__(path)
        (animation,) = self.document.animations
        self.tracks = {}
        for channel in animation.channels:
            sampler = animation.samplers[channel.sampler]
            assert sampler.interpolation == "LINEAR"
            self.times = self.array(sampler.input)
            values = self.array(sampler.output).reshape(len(self.times), -1)
            self.tracks[channel.target.node, channel.target.path] = values

    def track(self, node: int, what: str, time: float) -> np.ndarray:
        values = self.tracks[node, what]
        if what == "rotation":
            return Slerp(self.times, Rotation.from_quat(values))(time).as_matrix()
        return np.array([np.interp(time, self.times, column) for column in values.T])

    def play(self, time: float, attribute: str = "POSITION") -> np.ndarray:
        """Vertices, or normals, of the split mesh at a time in seconds."""
        local = np.tile(np.eye(4), (len(self.skin.joints), 1, 1))
        for joint, matrix in enumerate(local):
            matrix[:3, :3], matrix[:3, 3] = self.track(joint, "rotation", time), self.track(joint, "translation", time)
        weights = self.track(len(self.document.nodes) - 1, "weights", time) if self.names else []
        return self.bend(attribute, weights, local)
