"""Mappers: zero at the start, the authors' numbers, saving and reading."""

from pathlib import Path

import numpy as np
import pytest
import torch

from clipface.edit.mapper import Codes, FaceMapper
from clipface.edit.networks import CoefficientMapper, LevelwiseMLP

GOLDEN = Path(__file__).parents[1] / "golden" / "published_checkpoint_32.npz"


def published(name: str) -> dict[str, torch.Tensor]:
    with np.load(GOLDEN) as golden:
        return {key.split("/")[1]: torch.from_numpy(golden[key]) for key in golden.files if key.startswith(f"{name}/")}


def golden(name: str) -> torch.Tensor:
    with np.load(GOLDEN) as file:
        return torch.from_numpy(file[name])


def trained(levels: int = 3, dim: int = 8, **switches: bool) -> FaceMapper:
    mapper = FaceMapper(levels, dim, n_expression=5, **switches)
    for parameter in mapper.parameters():
        torch.nn.init.normal_(parameter, std=100)
    return mapper


def test_an_untrained_mapper_changes_nothing_at_all():
    codes = Codes(torch.randn(2, 4, 16), torch.randn(2, 5), torch.randn(2, 7))
    edited = FaceMapper(4, 16, 5)(codes)
    assert torch.equal(edited.w_plus, codes.w_plus) and torch.equal(edited.expression, codes.expression)


def test_every_last_layer_learns_from_the_first_step_on():
    mapper = FaceMapper(4, 16, 5)
    edited = mapper(Codes(torch.randn(2, 4, 16), torch.zeros(2, 5), torch.randn(2, 7)))
    (edited.w_plus.sum() + edited.expression.sum()).backward()
    assert (mapper.texture.weights[-1].grad.flatten(1).norm(dim=1) > 0).all()
    assert mapper.expression.weights[-1].grad.norm() > 0


def test_published_texture_mapper_gives_its_numbers_on_every_level():
    inputs, wanted = golden("mapper_input"), golden("mapper_output")
    mapper = LevelwiseMLP.from_published([published("texture_mapper")] * 10)
    given = mapper(inputs[:, None].expand(-1, 10, -1))
    torch.testing.assert_close(given, wanted[:, None].expand(-1, 10, -1), atol=1e-5, rtol=0)


def test_published_expression_mapper_gives_its_numbers():
    mapper = CoefficientMapper.from_published([published("geometry_mapper")])
    inputs = golden("geometry_mapper_input")
    # The network reads the mean over levels, so levels that cancel around it must not matter.
    spread = torch.randn_like(inputs)
    given = mapper(torch.stack([inputs + spread, inputs - spread], 1))
    torch.testing.assert_close(given, golden("geometry_mapper_output"), atol=1e-5, rtol=0)


def test_published_files_load_in_both_forms(tmp_path):
    texture, geometry = published("texture_mapper"), published("geometry_mapper")
    torch.save({"texture_mapper": texture, "geometry_mapper": geometry}, tmp_path / "pretrain_mapper.pt")
    torch.save({**{f"level_{i}": texture for i in range(10)}, "geo": geometry}, tmp_path / "trained.pt")
    codes = Codes(torch.randn(2, 8, 64), torch.zeros(2, 50), torch.randn(2, 7))
    first, second = (
        FaceMapper.from_published(tmp_path / name, levels=8)(codes) for name in ("pretrain_mapper.pt", "trained.pt")
    )
    assert torch.equal(first.w_plus, second.w_plus) and torch.equal(first.expression, second.expression)
    assert (first.w_plus - codes.w_plus).std() > 0.1
    with pytest.raises(ValueError, match="level_10"):
        FaceMapper.from_published(tmp_path / "trained.pt", levels=11)
    (tmp_path / "cut.pt").write_bytes((tmp_path / "trained.pt").read_bytes()[:5000])
    with pytest.raises(ValueError, match="cut off"):
        FaceMapper.from_published(tmp_path / "cut.pt", levels=8)


def test_levels_and_faces_do_not_mix():
    mapper, w_plus = trained().texture, torch.randn(4, 3, 8)
    alone = torch.cat([mapper(w_plus[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(mapper(w_plus), alone)
    changed = w_plus.clone()
    changed[:, 1] += 1
    moved = (mapper(changed) - mapper(w_plus)).abs().amax((0, 2)) > 1e-6
    assert moved.tolist() == [False, True, False]


def test_a_part_that_is_off_has_no_parameters_and_changes_nothing():
    codes = Codes(torch.randn(2, 3, 8), torch.randn(2, 5), torch.randn(2, 7))
    texture_only, expression_only = trained(expression=False), trained(texture=False)
    assert all(name.startswith("texture.") for name in texture_only.state_dict())
    assert torch.equal(texture_only(codes).expression, codes.expression)
    assert all(name.startswith("expression.") for name in expression_only.state_dict())
    assert torch.equal(expression_only(codes).w_plus, codes.w_plus)
    with pytest.raises(ValueError, match="nothing could change"):
        FaceMapper(3, 8, 5, texture=False, expression=False)


def test_saved_and_read_again(tmp_path):
    mapper, codes = trained(expression=False), Codes(torch.randn(2, 3, 8), torch.randn(2, 5), torch.randn(2, 7))
    mapper.save(tmp_path / "mapper.safetensors", target="a zombie")
    again, notes = FaceMapper.from_weights(tmp_path / "mapper.safetensors")
    assert notes == {"target": "a zombie"}
    assert torch.equal(mapper(codes).w_plus, again(codes).w_plus)


def test_a_code_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"w_plus: expected shape \(B, 3, 8\), got \(2, 4, 8\)"):
        trained()(Codes(torch.randn(2, 4, 8), torch.randn(2, 5), torch.randn(2, 7)))
