import pytest
import torch
from scenes import RUNS

from clipface.render.rasterize import backend


@pytest.fixture(params=[pytest.param(run, marks=pytest.mark.cuda if "cuda" in run else ()) for run in RUNS])
def run(request):
    """A backend and a device: Warp on the CPU, and on a CUDA machine Warp and nvdiffrast there."""
    name, device = request.param.split("-")
    if name == "nvdiffrast":
        pytest.importorskip("nvdiffrast.torch")
    return backend(name), torch.device(device, 0) if device == "cuda" else torch.device(device)


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
def device(request):
    """Where Warp runs."""
    return torch.device("cuda", 0) if request.param == "cuda" else torch.device("cpu")


@pytest.fixture
def warp():
    """The built-in rasteriser."""
    return backend("warp")
