"""What `.mat`, `.npz` and pickle files hold, by name, read without running code in them."""

from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

from clipface import pickles


def read_content(path: Path) -> Any:
    """Read a file; its suffix says of which kind it is, any other than .mat and .npz a pickle.

    Returns:
        Arrays by name; of a pickle whatever it holds, of what `pickles.load` allows.

    Raises:
        ValueError: if the file is cut off, damaged or of another kind, or a pickle holds more than is allowed.
    """
    try:
        if path.suffix.lower() == ".mat":
            return scipy.io.loadmat(path)
        if path.suffix.lower() == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
    except Exception as error:  # both readers fail in as many ways as a file can be damaged
        raise ValueError(f"{path}: cut off, damaged or not of its kind ({error}); write it again") from error
    return pickles.load(path)
