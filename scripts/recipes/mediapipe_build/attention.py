"""MediaPipe's three operators around a part of the face, as standard ones.

The landmark network looks again at the eyes and lips: from its first landmarks it derives where such a part lies and
how it is turned, samples its features there, and moves the points found in the sample back.

Source: Grishchenko et al., "Attention mesh: high-fidelity face mesh prediction in real-time" (2020).
"""

import numpy as np
from flatbuffers import flexbuffers

from scripts.recipes.mediapipe_build.tflite_file import Operator
from scripts.recipes.mediapipe_build.writer import Writer

RIM = 16  # landmarks of an eye, the first of its list, that go around the opening


def region_matrix(writer: Writer, operator: Operator) -> str:
    """Where a part of the face lies: the matrix [1, 4, 4] from the sample's places to the landmarks'.

    It turns by the line between two landmarks and spans the bounding box, along that line, of the part's landmarks.
    """
    graph, options = writer.graph, flexbuffers.Loads(operator.options)
    if options["target_rotation_radians"]:
        raise ValueError(f"region: expected level samples, got a turn of {options['target_rotation_radians']}")
    points = graph.add("Gather", writer.value(operator.inputs[0]), graph.constant([0, 1], np.int64), axis=2)
    ends = graph.constant([options["left_rotation_idx"], options["right_rotation_idx"]], np.int64)
    line = graph.add("MatMul", graph.constant([[[-1.0, 1.0]]]), graph.add("Gather", points, ends, axis=1))
    cosine_and_sine = graph.add("Div", line, graph.add("ReduceL2", line, axes=[2]))
    turn = graph.add("MatMul", cosine_and_sine, graph.constant([[[1.0, 0, 0, 1], [0, -1, 1, 0]]]))
    turn = graph.add("Reshape", turn, graph.constant([1, 2, 2], np.int64))

    subset = graph.add("Gather", points, graph.constant(options["subset_idxs"], np.int64), axis=1)
    along = graph.add("MatMul", subset, turn)
    most, least = graph.add("ReduceMax", along, axes=[1]), graph.add("ReduceMin", along, axes=[1])
    middle = graph.add("Mul", graph.add("Add", most, least), graph.constant(0.5))
    centre = graph.add("MatMul", middle, graph.add("Transpose", turn, perm=[0, 2, 1]))
    size = np.array([options["output_width"], options["output_height"]], np.float32)
    scale = graph.constant(np.array([options["scale_x"], options["scale_y"]], np.float32) / size)
    linear = graph.add("Mul", turn, graph.add("Mul", graph.add("Sub", most, least), scale))
    half = graph.add("MatMul", linear, graph.constant(size.reshape(1, 2, 1) / 2))
    origin = graph.add("Sub", graph.add("Transpose", centre, perm=[0, 2, 1]), half)
    rows = graph.add("Concat", linear, graph.constant(np.zeros((1, 2, 1))), origin, axis=2)
    return graph.add("Concat", rows, graph.constant([[[0.0, 0, 1, 0], [0, 0, 0, 1]]]), axis=1)


def sample_region(writer: Writer, operator: Operator) -> str:
    """Features [1, C, h, w] at the places of a region's pixels, 0 where these lie outside."""
    graph = writer.graph
    _, height, width, _ = writer.shape(operator.outputs[0])
    size = np.array(writer.shape(operator.inputs[0])[2:0:-1], np.float32)  # width, height
    y, x = np.mgrid[:height, :width] + 0.5
    pixels = np.stack([x, y, 0 * x, 0 * x + 1], -1).reshape(1, -1, 4)
    matrix = graph.add("Transpose", writer.value(operator.inputs[1]), perm=[0, 2, 1])
    places = graph.add("MatMul", graph.constant(pixels), matrix)
    places = graph.add("Gather", places, graph.constant([0, 1], np.int64), axis=2)
    off_centre = graph.add("Sub", places, graph.constant(size / 2))
    grid = graph.add("Mul", off_centre, graph.constant(2 / size))
    grid = graph.add("Reshape", grid, graph.constant([1, height, width, 2], np.int64))
    sample = graph.add("GridSample", writer.value(operator.inputs[0]), grid, mode="bilinear", padding_mode="zeros")
    inside = graph.add("LessOrEqual", graph.add("Abs", off_centre), graph.constant((size - 1) / 2))
    inside = graph.add("ReduceMin", graph.add("Cast", inside, to=1), axes=[2])
    return graph.add("Mul", sample, graph.add("Reshape", inside, graph.constant([1, 1, height, width], np.int64)))


def move_points(writer: Writer, operator: Operator) -> str:
    """Points [1, N, 2] of a region's sample, moved by its matrix."""
    graph = writer.graph
    rows = graph.add("Gather", writer.value(operator.inputs[1]), graph.constant([0, 1], np.int64), axis=1)
    rows = graph.add("Transpose", rows, perm=[0, 2, 1])
    linear = graph.add("Gather", rows, graph.constant([0, 1], np.int64), axis=1)
    origin = graph.add("Gather", rows, graph.constant([3], np.int64), axis=1)
    return graph.add("Add", graph.add("MatMul", writer.value(operator.inputs[0]), linear), origin)


def refined_points(writer: Writer, regions: list[Operator], outputs: list[int], name: str) -> tuple[int, int, int]:
    """All landmarks as one list: the mesh, with the lips and eyes as they were found last, then the irises.

    Depth is the mesh's; an iris has the mean depth of its eye's rim.

    Args:
        writer: of the network.
        regions: the operators that say which landmarks the lips, the right and the left eye are.
        outputs: the network's: mesh, lips, right eye, left eye, right iris, left iris.
        name: the list's.

    Returns:
        The list's shape.
    """
    graph = writer.graph
    subsets = [flexbuffers.Loads(region.options)["subset_idxs"] for region in regions]
    counts = [writer.shape(number)[-1] // (2 if place else 3) for place, number in enumerate(outputs[:6])]
    mesh, irises = counts[0], sum(counts[4:6])
    starts = np.cumsum([0, *counts])
    place = np.arange(mesh + irises)  # of each landmark in a list of all outputs' points
    place[mesh:] = np.arange(starts[4], starts[6])
    for subset, start in zip(subsets, starts[1:], strict=False):
        place[subset] = np.arange(start, start + len(subset))
    first = graph.add("Reshape", writer.value(outputs[0]), graph.constant([1, mesh, 3], np.int64))
    flat = [graph.add("Gather", first, graph.constant([0, 1], np.int64), axis=2)]
    for number, count in zip(outputs[1:6], counts[1:6], strict=True):
        flat.append(graph.add("Reshape", writer.value(number), graph.constant([1, count, 2], np.int64)))
    flat = graph.add("Gather", graph.add("Concat", *flat, axis=1), graph.constant(place, np.int64), axis=1)
    depth = graph.add("Gather", first, graph.constant([2], np.int64), axis=2)
    depths = [depth]
    for subset, count in zip(subsets[1:], counts[4:6], strict=True):
        rim = graph.add("Gather", depth, graph.constant(subset[:RIM], np.int64), axis=1)
        mean = graph.add("ReduceMean", rim, axes=[1])
        depths.append(graph.add("Tile", mean, graph.constant([1, count, 1], np.int64)))
    graph.add("Concat", flat, graph.add("Concat", *depths, axis=1), axis=2, outputs=[name])
    return 1, mesh + irises, 3
