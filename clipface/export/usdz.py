"""A textured head as USDZ, which Apple's devices show and programs that read USD pose (extra `usd`: usd-core)."""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
from torch import Tensor

from clipface.export.gltf import SMALLEST_OFFSET, GltfShape, strongest_joints
from clipface.export.maps import EYE_ROUGHNESS, MOUTH_ROUGHNESS, Maps, head_maps
from clipface.export.parts import SKIN, Corners, head_parts, split_corners
from clipface.export.rigged_glb import rigged_shape
from clipface.export.surface import checked_path, vertex_normals
from clipface.files import write_atomic
from clipface.head import HeadModel
from clipface.head.data import JOINTS
from clipface.startup import need

ROOT = "/Head"
# Of UsdPreviewSurface: what brings a normal map's 0..1 back to -1..1.
NORMAL_SCALE, NORMAL_BIAS = (2.0, 2.0, 2.0, 1.0), (-1.0, -1.0, -1.0, 0.0)


def write_usdz(
    path: str | Path,
    head: HeadModel,
    *,
    texture: Tensor,
    shape: Tensor | None = None,
    expression: Tensor | None = None,
    edited_shape: Tensor | None = None,
    edited_expression: Tensor | None = None,
    pose: Tensor | None = None,
    neck_pose: Tensor | None = None,
    eye_pose: Tensor | None = None,
    expressions: Iterable[str] | Literal["all"] | None = None,
    relief: Tensor | None = None,
) -> Path:
    """Write one head as USDZ: skin, skeleton, blend shapes, colours, normal map and roughness.

    It holds what `write_rigged_glb` writes, and opens alike; what its `extras` tell has no place in it.

    Args:
        path: file ending in `.usdz`; its folder is made if missing.
        head, texture, shape, expression, edited_shape, edited_expression, pose, neck_pose, eye_pose, expressions,
            relief: as of `write_rigged_glb`.

    Returns:
        The path. Units metres, y up, facing z.

    Raises:
        ImportError: if usd-core is missing; says how to install it.
        ValueError: as of `write_rigged_glb`.
    """
    path, maps, usd = checked_path(path, ".usdz"), head_maps(head, texture, relief), load_usd()
    posed = {"pose": pose, "neck_pose": neck_pose, "eye_pose": eye_pose}
    edited = {"shape": edited_shape, "expression": edited_expression}
    shown = rigged_shape(head, {"shape": shape, "expression": expression, **posed}, edited, expressions)
    with tempfile.TemporaryDirectory() as folder:
        scene, packed = Path(folder) / "head.usdc", Path(folder) / "head.usdz"
        for name, image in maps._asdict().items():
            image.save(scene.with_name(f"{name}.png"))
        stage = usd.Usd.Stage.CreateNew(str(scene))
        _add_head(usd, stage, head, shown, maps)
        stage.GetRootLayer().Save()
        usd.UsdUtils.CreateNewUsdzPackage(str(scene), str(packed))
        return write_atomic(path, packed.read_bytes())


def load_usd() -> ModuleType:
    """Import USD's modules; raises ImportError, which says how to install it, where they are missing."""
    usd = need("pxr", "USDZ files need the package usd-core: pip install usd-core")
    for name in ("Gf", "Sdf", "Tf", "Usd", "UsdGeom", "UsdShade", "UsdSkel", "UsdUtils", "Vt"):
        need(f"pxr.{name}", "USDZ files need the whole of usd-core: pip install usd-core")
    return usd


def _add_head(usd: Any, stage: Any, head: HeadModel, shape: GltfShape, maps: Maps) -> None:
    usd.UsdGeom.SetStageUpAxis(stage, usd.UsdGeom.Tokens.y)
    usd.UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    root = usd.UsdSkel.Root.Define(stage, ROOT)
    stage.SetDefaultPrim(root.GetPrim())
    skeleton = _add_skeleton(usd, stage, head, shape)
    corners, normals = split_corners(head), vertex_normals(shape.base, head.faces.cpu().numpy())
    for name, numbers in head_parts(head).items():
        part = corners.part(numbers)
        mesh = _add_mesh(usd, stage, f"{ROOT}/{name}", part, shape.base, normals)
        material = _add_material(usd, stage, f"{ROOT}/materials/{name}", name)
        usd.UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(material)
        binding = usd.UsdSkel.BindingAPI.Apply(mesh.GetPrim())
        binding.CreateSkeletonRel().SetTargets([skeleton.GetPath()])
        joints, shares = (values[part.of_vertex] for values in strongest_joints(head.weights.double().cpu().numpy()))
        binding.CreateJointIndicesPrimvar(False, joints.shape[1]).Set(joints.astype(np.int32).ravel())
        binding.CreateJointWeightsPrimvar(False, joints.shape[1]).Set(shares.astype(np.float32).ravel())
        _add_targets(usd, stage, mesh, binding, part, shape)


def _add_skeleton(usd: Any, stage: Any, head: HeadModel, shape: GltfShape) -> Any:
    """The skeleton as it is bound, and the pose and the weights with which the file opens as an animation of it."""
    places, parents = shape.joints, list(head.parents)
    paths: list[str] = []
    for name, parent in zip(JOINTS, parents, strict=True):
        paths.append(name if parent < 0 else f"{paths[parent]}/{name}")
    local = places - np.stack([places[parent] if parent >= 0 else np.zeros(3) for parent in parents])

    def matrices(offsets: np.ndarray) -> list[Any]:
        return [usd.Gf.Matrix4d().SetTranslate(usd.Gf.Vec3d(*offset.tolist())) for offset in offsets]

    skeleton = usd.UsdSkel.Skeleton.Define(stage, f"{ROOT}/skeleton")
    skeleton.CreateJointsAttr(paths)
    skeleton.CreateBindTransformsAttr(matrices(places))
    skeleton.CreateRestTransformsAttr(matrices(local))
    opened = usd.UsdSkel.Animation.Define(stage, f"{ROOT}/opened")
    opened.CreateJointsAttr(paths)
    opened.CreateTranslationsAttr([usd.Gf.Vec3f(*row) for row in local.tolist()])
    opened.CreateRotationsAttr([usd.Gf.Quatf(w, usd.Gf.Vec3f(x, y, z)) for x, y, z, w in shape.turns.tolist()])
    opened.CreateScalesAttr([usd.Gf.Vec3h(1, 1, 1)] * len(paths))
    opened.CreateBlendShapesAttr([target.name for target in shape.targets])
    opened.CreateBlendShapeWeightsAttr([float(target.weight) for target in shape.targets])
    binding = usd.UsdSkel.BindingAPI.Apply(skeleton.GetPrim())
    binding.CreateAnimationSourceRel().SetTargets([opened.GetPath()])
    return skeleton


def _add_mesh(usd: Any, stage: Any, path: str, part: Corners, base: np.ndarray, normals: np.ndarray) -> Any:
    mesh, points = usd.UsdGeom.Mesh.Define(stage, path), _vectors(usd, base[part.of_vertex])
    mesh.CreatePointsAttr(points)
    mesh.CreateExtentAttr(usd.UsdGeom.PointBased.ComputeExtent(points))
    mesh.CreateFaceVertexCountsAttr([3] * len(part.faces))
    mesh.CreateFaceVertexIndicesAttr(part.faces.astype(np.int32).ravel())
    mesh.CreateSubdivisionSchemeAttr(usd.UsdGeom.Tokens.none)
    mesh.CreateNormalsAttr(_vectors(usd, normals[part.of_vertex]))
    mesh.SetNormalsInterpolation(usd.UsdGeom.Tokens.vertex)
    places = usd.UsdGeom.PrimvarsAPI(mesh).CreatePrimvar(
        "st", usd.Sdf.ValueTypeNames.TexCoord2fArray, usd.UsdGeom.Tokens.vertex
    )
    places.Set(usd.Vt.Vec2fArray.FromNumpy(np.ascontiguousarray(part.uv, np.float32)))
    return mesh


def _add_targets(usd: Any, stage: Any, mesh: Any, binding: Any, part: Corners, shape: GltfShape) -> None:
    """Blend shapes that move a part of the head; their prims' names are letters and digits alone."""
    names, paths = [], []
    for target in shape.targets:
        offsets = target.offsets[part.of_vertex]
        rows = np.flatnonzero(np.linalg.norm(offsets, axis=1) > SMALLEST_OFFSET / target.peak)
        if not len(rows):
            continue
        path = mesh.GetPath().AppendChild(usd.Tf.MakeValidIdentifier(target.name))
        blend = usd.UsdSkel.BlendShape.Define(stage, path)
        blend.CreateOffsetsAttr(_vectors(usd, offsets[rows]))
        blend.CreateNormalOffsetsAttr(_vectors(usd, target.normals[part.of_vertex][rows]))
        blend.CreatePointIndicesAttr(rows.astype(np.int32))
        names.append(target.name)
        paths.append(path)
    binding.CreateBlendShapesAttr(names)
    binding.CreateBlendShapeTargetsRel().SetTargets(paths)


def _add_material(usd: Any, stage: Any, path: str, name: str) -> Any:
    types = usd.Sdf.ValueTypeNames
    material = usd.UsdShade.Material.Define(stage, path)
    surface = usd.UsdShade.Shader.Define(stage, f"{path}/surface")
    surface.CreateIdAttr("UsdPreviewSurface")
    surface.CreateInput("metallic", types.Float).Set(0.0)
    reader = usd.UsdShade.Shader.Define(stage, f"{path}/places")
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    reader.CreateInput("varname", types.String).Set("st")
    places = reader.CreateOutput("result", types.Float2)

    def image(of: str, space: str, output: str, kind: Any) -> tuple[Any, Any]:
        texture = usd.UsdShade.Shader.Define(stage, f"{path}/{of}")
        texture.CreateIdAttr("UsdUVTexture")
        texture.CreateInput("file", types.Asset).Set(f"./{of}.png")
        texture.CreateInput("sourceColorSpace", types.Token).Set(space)
        texture.CreateInput("st", types.Float2).ConnectToSource(places)
        return texture, texture.CreateOutput(output, kind)

    surface.CreateInput("diffuseColor", types.Color3f).ConnectToSource(image("colour", "sRGB", "rgb", types.Float3)[1])
    rough = surface.CreateInput("roughness", types.Float)
    if name == SKIN:
        texture, normal = image("normal", "raw", "rgb", types.Float3)
        texture.CreateInput("scale", types.Float4).Set(usd.Gf.Vec4f(*NORMAL_SCALE))
        texture.CreateInput("bias", types.Float4).Set(usd.Gf.Vec4f(*NORMAL_BIAS))
        surface.CreateInput("normal", types.Normal3f).ConnectToSource(normal)
        rough.ConnectToSource(image("roughness", "raw", "g", types.Float)[1])
    else:
        rough.Set({"eyes": EYE_ROUGHNESS, "mouth": MOUTH_ROUGHNESS}[name])
    material.CreateSurfaceOutput().ConnectToSource(surface.CreateOutput("surface", types.Token))
    return material


def _vectors(usd: Any, array: np.ndarray) -> Any:
    return usd.Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(array, np.float32))
