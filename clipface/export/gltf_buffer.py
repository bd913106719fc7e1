"""Arrays and bytes of a glTF file, with the accessors and buffer views that say how they are read."""

from types import ModuleType

import numpy as np

from clipface.startup import need

COMPONENTS = {np.dtype("u1"): 5121, np.dtype("<u2"): 5123, np.dtype("<u4"): 5125, np.dtype("<f4"): 5126}
TYPES = {(): "SCALAR", (2,): "VEC2", (3,): "VEC3", (4,): "VEC4", (4, 4): "MAT4"}
ALIGNMENT = 4  # every accessor starts at a multiple of its component's size; 4 fits all of ours
MOST_SHORT = 2**16 - 1
VERTICES, INDICES = 34962, 34963  # ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER


class GltfBuffer:
    """Collects arrays for a pygltflib document, whose accessors and buffer views it appends to.

    Source: Khronos Group, "glTF 2.0 specification", sections 3.6 (buffers, accessors) and 3.6.2.3 (sparse accessors).
    """

    def __init__(self, document: object) -> None:
        self._document, self._content = document, bytearray()
        self._zeros: dict[int, int] = {}  # accessors of so many offsets that are zero, which targets share

    def add(self, array: np.ndarray, target: int | None = None, bounds: bool = False) -> int:
        """Append an array, one element a row, and return its accessor's index.

        Args:
            array: [N, ...] of a component type and an element shape that glTF knows; matrices column by column.
            target: `VERTICES` or `INDICES` for what a graphics card reads as such.
            bounds: whether to note the least and largest elements, which glTF wants for positions and times.
        """
        accessor = self._accessor(array, bounds)
        accessor.bufferView = self.add_bytes(array.tobytes(), target)
        return self._append(accessor)

    def add_offsets(self, array: np.ndarray, smallest: float, bounds: bool = False, compact: bool = False) -> int:
        """Append offsets of vertices, of which rows up to a length become zero.

        Args:
            array: [N, 3] float32.
            smallest: rows up to this length become zero; arrays of nothing else are stored once.
            bounds: as in `add`.
            compact: store only rows that are not zero, where that is shorter: in a sparse accessor without a buffer
                view, which some programs do not read.
        """
        rows = np.flatnonzero(np.linalg.norm(array, axis=1) > smallest)
        kept = np.zeros_like(array)
        kept[rows] = array[rows]
        if compact:
            return self._add_sparse(kept, rows if len(rows) else np.zeros(1, np.int64), bounds)
        if len(rows):
            return self.add(kept, VERTICES, bounds)
        if len(array) not in self._zeros:
            self._zeros[len(array)] = self.add(kept, VERTICES, bounds=True)
        return self._zeros[len(array)]

    def _add_sparse(self, array: np.ndarray, rows: np.ndarray, bounds: bool) -> int:
        rows = rows.astype("<u2" if len(array) <= MOST_SHORT else "<u4")
        if len(rows) * (rows.itemsize + array[0].nbytes) >= array.nbytes:
            return self.add(array, VERTICES, bounds)
        gltf = load_pygltflib()
        accessor = self._accessor(array, bounds)
        accessor.byteOffset = None  # belongs to the dense array, of which there is none
        indices = gltf.AccessorSparseIndices(
            bufferView=self.add_bytes(rows.tobytes()), componentType=COMPONENTS[rows.dtype]
        )
        values = gltf.AccessorSparseValues(bufferView=self.add_bytes(array[rows].tobytes()))
        accessor.sparse = gltf.Sparse(count=len(rows), indices=indices, values=values)
        return self._append(accessor)

    def add_bytes(self, content: bytes, target: int | None = None) -> int:
        """Append bytes as they are and return their buffer view's index."""
        self._content += bytes(-len(self._content) % ALIGNMENT)
        view = {"buffer": 0, "byteOffset": len(self._content), "byteLength": len(content), "target": target}
        self._content += content
        self._document.bufferViews.append(load_pygltflib().BufferView(**view))
        return len(self._document.bufferViews) - 1

    def glb(self) -> bytes:
        """The complete file: the document's JSON and the collected bytes."""
        self._document.buffers = [load_pygltflib().Buffer(byteLength=len(self._content))]
        self._document.set_binary_blob(bytes(self._content))
        return b"".join(self._document.save_to_bytes())

    def _accessor(self, array: np.ndarray, bounds: bool) -> object:
        kind = TYPES[array.shape[1:]]
        accessor = load_pygltflib().Accessor(componentType=COMPONENTS[array.dtype], count=len(array), type=kind)
        if bounds:
            accessor.min, accessor.max = (np.atleast_1d(edge).tolist() for edge in (array.min(0), array.max(0)))
        return accessor

    def _append(self, accessor: object) -> int:
        self._document.accessors.append(accessor)
        return len(self._document.accessors) - 1


def load_pygltflib() -> ModuleType:
    """Import pygltflib.

    Raises:
        ImportError: if it is missing; says how to install it.
    """
    return need("pygltflib", "GLB files need the package pygltflib: pip install pygltflib")
