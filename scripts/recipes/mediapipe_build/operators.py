"""TFLite's operators, one function each, as ONNX: images turn from NHWC to NCHW, all else keeps its order."""

import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tflite

from scripts.recipes.mediapipe_build import attention
from scripts.recipes.mediapipe_build.tflite_file import Operator
from scripts.recipes.mediapipe_build.writer import NCHW, Writer

_SAME = 0  # padding of convolutions; 1 is "valid"


def write(writer: Writer, operator: Operator) -> None:
    """Append an operator.

    Raises:
        ValueError: if there is no such operator here, or not in this form.
    """
    if operator.name not in _OPERATORS:
        raise ValueError(f"operator: expected one of {', '.join(_OPERATORS)}, got {operator.name}")
    writer.names[operator.outputs[0]] = _OPERATORS[operator.name](writer, operator)


def _options(operator: Operator, kind: type) -> Any:
    options = kind()
    options.Init(operator.options.Bytes, operator.options.Pos)
    return options


def _pads(padding: int, sizes: Sequence[int], kernel: Sequence[int], strides: Sequence[int]) -> list[int]:
    """ONNX's pads (top, left, bottom, right) of TFLite's "same", which gives the odd pixel to the bottom and right."""
    if padding != _SAME:
        return [0, 0, 0, 0]
    short = [max((-(-size // s) - 1) * s + k - size, 0) for size, k, s in zip(sizes, kernel, strides, strict=True)]
    return [side // 2 for side in short] + [side - side // 2 for side in short]


def _convolution(writer: Writer, operator: Operator, depthwise: bool = False) -> str:
    options = _options(operator, tflite.DepthwiseConv2DOptions if depthwise else tflite.Conv2DOptions)
    source, weight, bias = operator.inputs
    if options.DilationHFactor() != 1 or options.DilationWFactor() != 1:
        raise ValueError("convolution: expected no dilation, got one")
    weights = writer.constant(weight)
    weights = weights.transpose(3, 0, 1, 2) if depthwise else weights.transpose(0, 3, 1, 2)
    strides = [options.StrideH(), options.StrideW()]
    name = writer.graph.add(
        "Conv",
        writer.value(source),
        writer.graph.constant(weights),
        writer.graph.constant(writer.constant(bias)),
        kernel_shape=weights.shape[2:],
        strides=strides,
        group=writer.shape(source)[3] if depthwise else 1,
        pads=_pads(options.Padding(), writer.shape(source)[1:3], weights.shape[2:], strides),
    )
    return writer.activated(name, options.FusedActivationFunction())


def _depthwise(writer: Writer, operator: Operator) -> str:
    return _convolution(writer, operator, depthwise=True)


def _transposed_convolution(writer: Writer, operator: Operator) -> str:
    """MediaPipe's own: kernel and stride are two pixels, so that nothing overlaps or is padded."""
    source, weight, bias = operator.inputs
    weights = writer.constant(weight).transpose(3, 0, 1, 2)
    _, *strides = struct.unpack("<3i", operator.options)
    if list(weights.shape[2:]) != strides:
        raise ValueError(f"transposed convolution: expected a kernel of its stride, {strides}, got {weights.shape}")
    name = writer.graph.constant(weights)
    return writer.graph.add(
        "ConvTranspose", writer.value(source), name, writer.graph.constant(writer.constant(bias)), strides=strides
    )


def _pool(writer: Writer, operator: Operator, kind: str) -> str:
    options = _options(operator, tflite.Pool2DOptions)
    kernel, strides = [options.FilterHeight(), options.FilterWidth()], [options.StrideH(), options.StrideW()]
    pads = _pads(options.Padding(), writer.shape(operator.inputs[0])[1:3], kernel, strides)
    name = writer.graph.add(kind, writer.value(operator.inputs[0]), kernel_shape=kernel, strides=strides, pads=pads)
    return writer.activated(name, options.FusedActivationFunction())


def _two(kind: str, table: type) -> Callable[[Writer, Operator], str]:
    """Sums and products of two values."""

    def write(writer: Writer, operator: Operator) -> str:
        name = writer.graph.add(kind, *(writer.value(number) for number in operator.inputs))
        return writer.activated(name, _options(operator, table).FusedActivationFunction())

    return write


def _one(kind: str) -> Callable[[Writer, Operator], str]:
    """Functions of one value."""
    return lambda writer, operator: writer.graph.add(kind, writer.value(operator.inputs[0]))


def _prelu(writer: Writer, operator: Operator) -> str:
    slope = writer.constant(operator.inputs[1]).transpose(2, 0, 1)
    return writer.graph.add("PRelu", writer.value(operator.inputs[0]), writer.graph.constant(slope))


def _pad(writer: Writer, operator: Operator) -> str:
    pads = writer.constant(operator.inputs[1])[list(NCHW)].T.reshape(-1)
    return writer.graph.add("Pad", writer.value(operator.inputs[0]), writer.graph.constant(pads, np.int64))


def _resize(writer: Writer, operator: Operator) -> str:
    options = _options(operator, tflite.ResizeBilinearOptions)
    mode = "half_pixel" if options.HalfPixelCenters() else "align_corners" if options.AlignCorners() else "asymmetric"
    _, height, width, channels = writer.shape(operator.outputs[0])
    sizes = writer.graph.constant([1, channels, height, width], np.int64)
    return writer.graph.add(
        "Resize", writer.value(operator.inputs[0]), "", "", sizes, mode="linear", coordinate_transformation_mode=mode
    )


def _depth_to_space(writer: Writer, operator: Operator) -> str:
    block = _options(operator, tflite.DepthToSpaceOptions).BlockSize()
    return writer.graph.add("DepthToSpace", writer.value(operator.inputs[0]), blocksize=block, mode="DCR")


def _reshape(writer: Writer, operator: Operator) -> str:
    graph, shape = writer.graph, writer.shape(operator.outputs[0])
    name = writer.value(operator.inputs[0])
    if len(writer.shape(operator.inputs[0])) == 4:
        name = graph.add("Transpose", name, perm=[0, 2, 3, 1])
    name = graph.add("Reshape", name, graph.constant(shape, np.int64))
    return graph.add("Transpose", name, perm=NCHW) if len(shape) == 4 else name


def _concatenation(writer: Writer, operator: Operator) -> str:
    axis = _options(operator, tflite.ConcatenationOptions).Axis()
    if len(writer.shape(operator.outputs[0])) == 4:
        axis = NCHW.index(axis % 4)
    return writer.graph.add("Concat", *(writer.value(number) for number in operator.inputs), axis=axis)


def _mean(writer: Writer, operator: Operator) -> str:
    axes = [NCHW.index(int(axis) % 4) for axis in writer.constant(operator.inputs[1]).reshape(-1)]
    keep = len(writer.shape(operator.outputs[0])) == 4
    return writer.graph.add("ReduceMean", writer.value(operator.inputs[0]), axes=axes, keepdims=int(keep))


def _fully_connected(writer: Writer, operator: Operator) -> str:
    source, weight, bias = operator.inputs
    name = writer.graph.add("Flatten", writer.value(source))
    name = writer.graph.add("Gemm", name, writer.value(weight), writer.value(bias), transB=1)
    return writer.activated(name, _options(operator, tflite.FullyConnectedOptions).FusedActivationFunction())


def _slice(writer: Writer, operator: Operator) -> str:
    if writer.shape(operator.inputs[0]) != writer.shape(operator.outputs[0]):
        raise ValueError("slice: expected one that takes everything, got another")
    return writer.graph.add("Identity", writer.value(operator.inputs[0]))


_OPERATORS: dict[str, Callable[[Writer, Operator], str]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "Convolution2DTransposeBias": _transposed_convolution,
    "MAX_POOL_2D": lambda writer, operator: _pool(writer, operator, "MaxPool"),
    "AVERAGE_POOL_2D": lambda writer, operator: _pool(writer, operator, "AveragePool"),
    "ADD": _two("Add", tflite.AddOptions),
    "MUL": _two("Mul", tflite.MulOptions),
    "RELU": _one("Relu"),
    "LOGISTIC": _one("Sigmoid"),
    "HARD_SWISH": _one("HardSwish"),
    "PRELU": _prelu,
    "PAD": _pad,
    "RESIZE_BILINEAR": _resize,
    "DEPTH_TO_SPACE": _depth_to_space,
    "RESHAPE": _reshape,
    "CONCATENATION": _concatenation,
    "MEAN": _mean,
    "FULLY_CONNECTED": _fully_connected,
    "STRIDED_SLICE": _slice,
    "Landmarks2TransformMatrix": attention.region_matrix,
    "TransformTensorBilinear": attention.sample_region,
    "TransformLandmarks": attention.move_points,
}
