"""The shipped networks that see: ONNX files, run by onnxruntime on the CPU."""

from collections.abc import Sequence

import numpy as np

from clipface import assets
from clipface.startup import need

REMEDY = 'finding faces needs the package onnxruntime: pip install -e ".[fit]"'


class Network:
    """One network, from an image to the outputs asked for.

    Args:
        name: of the asset.
        outputs: names of the file's outputs, in the order in which a call returns them.
        least, most: values that the network was trained to see black and white as.

    Raises:
        ImportError: if onnxruntime is missing; says how to get it.
    """

    def __init__(self, name: str, outputs: Sequence[str], least: float = 0.0, most: float = 1.0) -> None:
        runtime = need("onnxruntime", REMEDY)
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1  # of networks this small, and the same sums everywhere
        options.enable_cpu_mem_arena = False  # which would hold 20 MB more
        options.log_severity_level = 3  # errors
        path = str(assets.resolve(name))
        self._session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._outputs, self._least, self._span = list(outputs), np.float32(least), np.float32(most - least)
        self.size: int = self._session.get_inputs()[0].shape[-1]

    def __call__(self, image: np.ndarray) -> list[np.ndarray]:
        """The outputs for an image [3, size, size] float32 in 0..255, without the dimension of the batch."""
        found = self._session.run(self._outputs, {"image": image[None] * (self._span / 255) + self._least})
        return [output[0] for output in found]
