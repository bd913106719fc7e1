"""The mapper of animations: zero at the start, plain formulas, saving, the authors' files."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional

from clipface.edit.loading import read_mapper
from clipface.edit.mapper import FaceMapper
from clipface.edit.video_mapper import VideoMapper

LEVELS, DIM, EXPRESSIONS = 3, 8, 5


def trained() -> VideoMapper:
    mapper = VideoMapper(LEVELS, DIM, EXPRESSIONS)
    for parameter in mapper.parameters():
        torch.nn.init.normal_(parameter, std=100)
    return mapper


def frames(count: int = 4, expressions: int = EXPRESSIONS) -> tuple[torch.Tensor, ...]:
    return torch.randn(count, LEVELS, DIM), torch.rand(count, expressions), torch.randn(count, 6), torch.rand(count)


def published(levels: int = LEVELS) -> dict[str, dict[str, torch.Tensor]]:
    widths = [DIM + EXPRESSIONS + 6, DIM, DIM, DIM, DIM]
    return {
        f"level_{level}": {
            f"layers.{i}.{kind}": torch.randn(widths[i + 1], *([widths[i]] if kind == "weight" else []))
            for i in range(4)
            for kind in ("weight", "bias")
        }
        for level in range(levels)
    }


def plainly(state: dict[str, torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
    """One level's network on one frame, as the method's text has it."""
    x = inputs / (inputs.square().mean() + 1e-8).sqrt()
    for i in range(4):
        weight, bias = 0.01 * state[f"layers.{i}.weight"], 0.01 * state[f"layers.{i}.bias"]
        x = functional.leaky_relu(weight @ x / math.sqrt(len(x)) + bias, 0.2) * math.sqrt(2)
    return x


def test_an_untrained_mapper_changes_no_bit():
    w_plus, *motion = frames()
    assert torch.equal(VideoMapper(LEVELS, DIM, EXPRESSIONS)(w_plus, *motion), w_plus)


def test_frames_without_importance_keep_their_bits_and_others_move_in_proportion():
    w_plus, expression, pose, _ = frames(3)
    importance = torch.tensor([0.0, 0.5, 1.0])
    mapper = trained()
    edited = mapper(w_plus, expression, pose, importance)
    assert torch.equal(edited[0], w_plus[0])
    offsets = mapper.offsets(w_plus, expression, pose)
    torch.testing.assert_close(edited - w_plus, importance[:, None, None] * offsets)


def avatar_of(levels: int) -> SimpleNamespace:
    """What is asked of an avatar when an older file is read: FLAME's, so that it need not name a UV map."""
    parts = {"generator": SimpleNamespace(levels=levels), "head": SimpleNamespace(uv_map_changed=False)}
    return SimpleNamespace(**parts, origin={}, carrier=None)


def test_the_authors_file_gives_the_numbers_of_the_plain_formula(tmp_path):
    states = published(LEVELS + 2)  # two levels more than the generator reads
    torch.save(states, tmp_path / "video.pt")
    mapper, notes = read_mapper(tmp_path / "video.pt", avatar_of(LEVELS), None)
    assert isinstance(mapper, VideoMapper) and not notes
    w_plus, expression, pose, _ = frames(2)
    found = mapper.offsets(w_plus, expression, pose)
    for frame in range(2):
        for level in range(LEVELS):
            inputs = torch.cat([w_plus[frame, level], expression[frame], pose[frame]])
            wanted = plainly(states[f"level_{level}"], inputs)
            torch.testing.assert_close(found[frame, level], wanted, atol=1e-6, rtol=1e-4)


def test_a_head_may_have_other_numbers_of_coefficients_than_the_mapper():
    mapper = trained()
    w_plus, expression, pose, importance = frames(expressions=EXPRESSIONS + 3)
    exact = mapper(w_plus, expression[:, :EXPRESSIONS], pose, importance)
    assert torch.equal(mapper(w_plus, expression, pose, importance), exact)
    few = functional.pad(expression[:, :2], (0, EXPRESSIONS - 2))
    assert torch.equal(mapper(w_plus, expression[:, :2], pose, importance), mapper(w_plus, few, pose, importance))


def test_frames_do_not_mix():
    mapper, given = trained(), frames()
    alone = torch.cat([mapper(*(part[i : i + 1] for part in given)) for i in range(4)])
    torch.testing.assert_close(mapper(*given), alone)


def test_what_is_saved_is_read_again_and_told_from_other_mappers(tmp_path):
    mapper = trained()
    mapper.save(tmp_path / "mapper.safetensors", sequence="laugh")
    again, notes = read_mapper(tmp_path, avatar_of(LEVELS), None)
    assert notes == {"sequence": "laugh"}
    given = frames()
    assert torch.equal(again(*given), mapper(*given))
    with pytest.raises(ValueError, match="is for 3 levels, the generator has 4"):
        read_mapper(tmp_path, avatar_of(4), None)
    other = FaceMapper(LEVELS, DIM, EXPRESSIONS).save(tmp_path / "still.safetensors")
    assert isinstance(read_mapper(other, avatar_of(LEVELS), None)[0], FaceMapper)
    with pytest.raises(ValueError, match="trainer.video_mapper"):
        VideoMapper.from_weights(other)


def test_files_of_other_networks_are_refused(tmp_path):
    states = published()
    for state in states.values():
        state["layers.0.weight"] = state["layers.0.weight"][:, :DIM]
    torch.save(states, tmp_path / "still.pt")
    with pytest.raises(ValueError, match="no mapper of animations"):
        VideoMapper.from_published(tmp_path / "still.pt", LEVELS)
    torch.save({"level_0": {"conv": torch.zeros(1)}}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="level_1"):
        VideoMapper.from_published(tmp_path / "other.pt", LEVELS)


@pytest.mark.parametrize(
    "wrong", [{0: torch.zeros(2, LEVELS, DIM + 1)}, {1: torch.zeros(3, EXPRESSIONS)}, {2: torch.zeros(2, 3)}]
)
def test_wrong_shapes_are_named(wrong):
    given = list(frames(2))
    for place, value in wrong.items():
        given[place] = value
    with pytest.raises(ValueError, match=["w_plus", "expression", "pose"][next(iter(wrong))]):
        trained()(*given)
