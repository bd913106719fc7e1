"""TFLite files as plain operators and arrays: half precision and sparse constants are unfolded at reading."""

from typing import Any, NamedTuple

import numpy as np
import tflite

_CODES = {number: name for name, number in vars(tflite.BuiltinOperator).items() if isinstance(number, int)}
_TYPES = {0: np.float32, 1: np.float16, 2: np.int32}  # of tensors
_DENSE = 0  # a dimension's format
_UNFOLDED = ("DEQUANTIZE", "DENSIFY")  # operators that only unpack constants


class Operator(NamedTuple):
    """One operator: its name, tensors' numbers, and its table of options or the bytes of a custom one."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any


class Network(NamedTuple):
    """A network: its operators in order, and by tensors' numbers the constants and the shapes (NHWC)."""

    operators: list[Operator]
    constants: dict[int, np.ndarray]
    shapes: dict[int, tuple[int, ...]]
    inputs: list[int]
    outputs: list[int]


def read_network(data: bytes) -> Network:
    """Read a TFLite file.

    Args:
        data: its bytes.

    Raises:
        ValueError: if it holds a type of tensor or a form of sparseness that is not known here.
    """
    model = tflite.Model.GetRootAs(data, 0)
    graph = model.Subgraphs(0)
    tensors = [graph.Tensors(number) for number in range(graph.TensorsLength())]
    shapes = {number: tuple(map(tensor.Shape, range(tensor.ShapeLength()))) for number, tensor in enumerate(tensors)}
    constants = {}
    for number, tensor in enumerate(tensors):
        if model.Buffers(tensor.Buffer()).DataLength():
            constants[number] = _constant(model, tensor, shapes[number])
    operators = []
    for number in range(graph.OperatorsLength()):
        operator = _operator(model, graph.Operators(number))
        source = operator.inputs[0]
        if operator.name in _UNFOLDED and source in constants:
            constants[operator.outputs[0]] = constants[source]
        else:
            operators.append(operator)
    return Network(operators, constants, shapes, graph.InputsAsNumpy().tolist(), graph.OutputsAsNumpy().tolist())


def _operator(model: Any, operator: Any) -> Operator:
    code = model.OperatorCodes(operator.OpcodeIndex())
    name = _CODES[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
    inputs, outputs = (tuple(numbers.tolist()) for numbers in (operator.InputsAsNumpy(), operator.OutputsAsNumpy()))
    if name == "CUSTOM":
        options = bytes(operator.CustomOptions(place) for place in range(operator.CustomOptionsLength()))
        return Operator(code.CustomCode().decode(), inputs, outputs, options)
    return Operator(name, inputs, outputs, operator.BuiltinOptions())


def _constant(model: Any, tensor: Any, shape: tuple[int, ...]) -> np.ndarray:
    if tensor.Type() not in _TYPES:
        raise ValueError(f"{tensor.Name().decode()}: expected one of the types {set(_TYPES)}, got {tensor.Type()}")
    values = np.frombuffer(model.Buffers(tensor.Buffer()).DataAsNumpy().tobytes(), _TYPES[tensor.Type()])
    sparsity = tensor.Sparsity()
    return values.reshape(shape) if sparsity is None else _dense(values, sparsity, shape)


def _dense(values: np.ndarray, sparsity: Any, shape: tuple[int, ...]) -> np.ndarray:
    """An array of which all dimensions but the last are dense, and the last has lists of the places that are not 0."""
    last = len(shape) - 1
    plain = sparsity.TraversalOrderAsNumpy().tolist() == list(range(last + 1)) and not sparsity.BlockMapLength()
    formats = [sparsity.DimMetadata(dimension).Format() == _DENSE for dimension in range(last + 1)]
    if not plain or formats != [True] * last + [False]:
        raise ValueError("sparse tensor: expected lists of the last dimension's places, got another form")
    rows = sparsity.DimMetadata(last)
    segments = _whole_numbers(rows.ArraySegments(), rows.ArraySegmentsType())
    columns = _whole_numbers(rows.ArrayIndices(), rows.ArrayIndicesType())
    dense = np.zeros((len(segments) - 1, shape[last]), values.dtype)
    dense[np.repeat(np.arange(len(segments) - 1), np.diff(segments)), columns] = values
    return dense.reshape(shape)


def _whole_numbers(table: Any, kind: int) -> np.ndarray:
    vector = {1: tflite.Int32Vector, 2: tflite.Uint16Vector, 3: tflite.Uint8Vector}[kind]()
    vector.Init(table.Bytes, table.Pos)
    return vector.ValuesAsNumpy().astype(np.int64)
