"""A TFLite network on its way into an ONNX graph: which value there is which tensor here."""

import numpy as np

from scripts.recipes.mediapipe_build.graph import Graph
from scripts.recipes.mediapipe_build.tflite_file import Network

NCHW = (0, 3, 1, 2)  # places of TFLite's dimensions
_ACTIVATIONS = {0: None, 1: "Relu", 3: "Relu6"}  # that go with an operator


class Writer:
    """One network, the graph that it is written into, and the names there of TFLite's tensors."""

    def __init__(self, network: Network) -> None:
        self.graph = Graph()
        self.network = network
        self.names: dict[int, str] = {}

    def value(self, number: int) -> str:
        """The name of a tensor, constants of four dimensions as images."""
        if number not in self.names:
            array = self.network.constants[number]
            self.names[number] = self.graph.constant(array.transpose(NCHW) if array.ndim == 4 else array)
        return self.names[number]

    def shape(self, number: int) -> tuple[int, ...]:
        return self.network.shapes[number]

    def constant(self, number: int) -> np.ndarray:
        return self.network.constants[number]

    def activated(self, name: str, activation: int) -> str:
        """A value after the activation that its operator carries."""
        if activation not in _ACTIVATIONS:
            raise ValueError(f"activation: expected one of {set(_ACTIVATIONS)}, got {activation}")
        kind = _ACTIVATIONS[activation]
        if kind == "Relu6":
            return self.graph.add("Clip", name, self.graph.constant(0.0), self.graph.constant(6.0))
        return self.graph.add(kind, name) if kind else name
