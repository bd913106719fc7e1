"""USDZ files are opened by USD itself, which also bends them."""

import io
import zipfile

import numpy as np
import pytest
import torch
from gltf_player import in_file
from PIL import Image

from clipface.export import write_usdz
from clipface.export.parts import head_parts
from clipface.head import HeadModel, load_head

pxr = pytest.importorskip("pxr", reason="usd-core is missing: pip install -e '.[usd]'")
from pxr import Usd, UsdGeom, UsdShade, UsdSkel  # noqa: E402

SIZE = 64
TURN = 0.2  # radians


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head("open")


@pytest.fixture(scope="module")
def texture() -> torch.Tensor:
    return torch.rand(3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def parameters(head) -> dict[str, torch.Tensor]:
    """A face with an open mouth and a turned neck, before and after an edit of its form."""
    shape, expression = torch.zeros(1, head.n_shape), torch.zeros(1, head.n_expression)
    shape[0, :5] = torch.tensor([1.0, -1.0, 0.5, 1.5, -0.5])
    expression[0, head.expression_names.index("mouthSmileLeft")] = 0.4
    neck = torch.tensor([[0.0, TURN, 0.0]])
    return {"shape": shape, "edited_shape": shape + 0.3, "expression": expression, "neck_pose": neck}


@pytest.fixture(scope="module")
def file(head, texture, parameters, tmp_path_factory):
    return write_usdz(tmp_path_factory.mktemp("usdz") / "a.usdz", head, texture=texture, **parameters)


def bent(file, weights: dict[str, float]) -> np.ndarray:
    """Corners [F, 3, 3] of all meshes, by USD's own skinning, with other weights of blend shapes."""
    stage = Usd.Stage.Open(str(file))
    root = UsdSkel.Root(stage.GetDefaultPrim())
    animation = UsdSkel.Animation(stage.GetPrimAtPath("/Head/opened"))
    names = list(animation.GetBlendShapesAttr().Get())
    opened = dict(zip(names, animation.GetBlendShapeWeightsAttr().Get(), strict=True))
    animation.GetBlendShapeWeightsAttr().Set([(opened | weights)[name] for name in names])
    assert UsdSkel.BakeSkinning(root)
    corners = []
    for name in head_parts(load_head("open")):
        mesh = UsdGeom.Mesh(stage.GetPrimAtPath(f"/Head/{name}"))
        faces = np.array(mesh.GetFaceVertexIndicesAttr().Get()).reshape(-1, 3)
        corners.append(np.array(mesh.GetPointsAttr().Get())[faces])
    return np.concatenate(corners)


def test_usd_shows_the_posed_head_and_its_shapes_move_it(file, head, parameters):
    given = {"shape": parameters["edited_shape"], "expression": parameters["expression"]}
    wanted = head(**given, neck_pose=parameters["neck_pose"])[0].numpy()
    np.testing.assert_allclose(bent(file, {}), wanted[in_file(head)], atol=1e-4)
    before = head(parameters["shape"], parameters["expression"], neck_pose=parameters["neck_pose"])[0].numpy()
    np.testing.assert_allclose(bent(file, {"edit": 0.0}), before[in_file(head)], atol=2e-3)  # joints stay
    opened = parameters["expression"].clone()
    opened[0, head.expression_names.index("jawOpen")] = 0.7
    wanted = head(parameters["edited_shape"], opened, neck_pose=parameters["neck_pose"])[0].numpy()
    assert np.abs(bent(file, {"jawOpen": 0.7}) - bent(file, {})).max() > 0.01
    np.testing.assert_allclose(bent(file, {"jawOpen": 0.7}), wanted[in_file(head)], atol=2e-3)


def test_materials_have_the_texture_the_relief_and_the_roughness(file, texture):
    stage = Usd.Stage.Open(str(file))
    assert UsdGeom.GetStageUpAxis(stage) == "Y" and UsdGeom.GetStageMetersPerUnit(stage) == 1.0
    with zipfile.ZipFile(file) as archive:
        assert all(one.compress_type == zipfile.ZIP_STORED for one in archive.infolist())
        names = archive.namelist()
        assert names[0] == "head.usdc" and {name.rpartition("/")[2] for name in names[1:]} == {
            "colour.png", "normal.png", "roughness.png"
        }  # fmt: skip
        inside = next(name for name in names if name.endswith("colour.png"))
        colour = np.asarray(Image.open(io.BytesIO(archive.read(inside))).convert("RGB"))
    np.testing.assert_array_equal(colour, (texture * 255).round().permute(1, 2, 0).byte().numpy())
    for part, connected in (("skin", {"diffuseColor", "normal", "roughness"}), ("eyes", {"diffuseColor"})):
        prim = stage.GetPrimAtPath(f"/Head/{part}")
        material, _ = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()
        surface, _, _ = material.ComputeSurfaceSource()
        inputs = {one.GetBaseName() for one in surface.GetInputs() if one.HasConnectedSource()}
        assert inputs == connected
        for one in surface.GetInputs():
            if one.HasConnectedSource():
                source = UsdShade.Shader(one.GetConnectedSources()[0][0].source.GetPrim())
                assert source.GetInput("file").Get().resolvedPath, f"{part}: {one.GetBaseName()}"


def test_usds_own_validators_find_nothing(file):
    validation = pytest.importorskip("pxr.UsdValidation", reason="usd-core is older than its validators")
    context = validation.ValidationContext(validation.ValidationRegistry().GetOrLoadAllValidators())
    assert [error.GetMessage() for error in context.Validate(Usd.Stage.Open(str(file)))] == []


def test_another_ending_is_refused(head, texture, tmp_path):
    with pytest.raises(ValueError, match=r"path: expected a file ending in \.usdz"):
        write_usdz(tmp_path / "a.usd", head, texture=texture)
    assert not list(tmp_path.iterdir())
