"""An ONNX graph that is written operator by operator."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17  # of the operators: what onnxruntime reads since 1.12


class Graph:
    """Collects nodes and constants. Values are strings, as in ONNX; images are NCHW."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._names = 0

    def add(self, operator: str, *inputs: str, outputs: Sequence[str] | None = None, **attributes: Any) -> str:
        """Append a node; its first output's name."""
        names = list(outputs or [self._name()])
        self.nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return names[0]

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        """A constant's name; half precision is kept in the file and widened when it is loaded."""
        array = np.asarray(values)
        half = array.dtype == np.float16
        name = self._name()
        array = np.ascontiguousarray(array if half else array.astype(dtype))
        self._constants.append(numpy_helper.from_array(array, name))
        return self.add("Cast", name, to=TensorProto.FLOAT) if half else name

    def model(self, inputs: dict[str, Sequence[int]], outputs: dict[str, Sequence[int]], credit: str) -> bytes:
        """The checked ONNX file, its inputs and outputs by names and shapes, all float32."""
        given, got = (
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in values.items()]
            for values in (inputs, outputs)
        )
        graph = helper.make_graph(self.nodes, "network", given, got, self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], doc_string=credit)
        model.ir_version = 8  # what goes with the operators' version
        onnx.checker.check_model(model)
        return model.SerializeToString()

    def _name(self) -> str:
        self._names += 1
        return f"v{self._names}"
