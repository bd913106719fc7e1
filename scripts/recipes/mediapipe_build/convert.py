"""One TFLite file to one ONNX file."""

from scripts.recipes.mediapipe_build.attention import refined_points
from scripts.recipes.mediapipe_build.operators import write
from scripts.recipes.mediapipe_build.tflite_file import Operator, read_network
from scripts.recipes.mediapipe_build.writer import Writer

INPUT, POINTS = "image", "points"
_LICENCE = "converted; Apache-2.0, copyright The MediaPipe Authors"


def convert(data: bytes, outputs: dict[int, str], title: str) -> bytes:
    """Convert a network.

    Args:
        data: a TFLite file with one image as input.
        outputs: names of those outputs that are kept, by their place in the file. The landmark network with attention
            gets another one, `points` [1, 478, 3]: all its points as one list.
        title: what it is; the file says so.

    Returns:
        An ONNX file: input `image` [1, 3, H, W], outputs flat but for the batch and what TFLite gives three dimensions.
    """
    network = read_network(data)
    writer = Writer(network)
    (source,) = network.inputs
    _, height, width, channels = network.shapes[source]
    writer.names[source] = INPUT
    regions = [operator for operator in network.operators if operator.name == "Landmarks2TransformMatrix"]
    wanted = set(network.outputs if regions else [network.outputs[place] for place in outputs])
    for operator in _needed(network.operators, wanted):
        write(writer, operator)
    named = {name: network.outputs[place] for place, name in outputs.items()}
    shapes = {name: _shape(network.shapes[number]) for name, number in named.items()}
    for name, number in named.items():
        size = writer.graph.constant(shapes[name], "int64")
        writer.graph.add("Reshape", writer.value(number), size, outputs=[name])
    if regions:
        shapes[POINTS] = refined_points(writer, regions, network.outputs, POINTS)
    return writer.graph.model({INPUT: (1, channels, height, width)}, shapes, f"{title}, {_LICENCE}")


def _shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """An output's: a plane [1, H, W] or a list [1, N], without dimensions of one element between."""
    return (1, *(size for size in shape[1:] if size > 1)) if max(shape) > 1 else (1, 1)


def _needed(operators: list[Operator], wanted: set[int]) -> list[Operator]:
    """Operators that the wanted tensors depend on, in order."""
    kept = []
    for operator in reversed(operators):
        if wanted.intersection(operator.outputs):
            wanted |= set(operator.inputs)
            kept.append(operator)
    return kept[::-1]
