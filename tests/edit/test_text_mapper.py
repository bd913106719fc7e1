"""The network that turns texts into edits."""

import pytest
import torch

from clipface.edit.mapper import Codes, FaceMapper
from clipface.edit.networks import LevelwiseMLP
from clipface.edit.text_mapper import TextMapper

LEVELS, DIM, EXPRESSIONS, SHAPES, FEATURES = 6, 16, 5, 4, 8


@pytest.fixture
def mapper() -> TextMapper:
    torch.manual_seed(0)
    mapper = TextMapper(LEVELS, DIM, EXPRESSIONS, SHAPES, FEATURES, 12, 10, 3)
    with torch.no_grad():
        for parameter in mapper.parameters():
            parameter.copy_(torch.randn_like(parameter) / 3)
    return mapper


def faces(count: int = 3) -> Codes:
    torch.manual_seed(1)
    return Codes(torch.randn(count, LEVELS, DIM), torch.rand(count, EXPRESSIONS + 2), torch.randn(count, SHAPES + 1))


def text(count: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(2)
    return torch.randn(count, FEATURES), torch.randn(count, FEATURES)


def test_no_text_changes_nothing(mapper):
    nothing = torch.zeros(3, FEATURES)
    assert not any(part.any() for part in mapper(faces(), nothing, nothing))
    codes = faces()
    edited = mapper.for_text(nothing[0], nothing[0])(codes)
    assert torch.equal(edited.w_plus, codes.w_plus) and torch.equal(edited.expression, codes.expression)
    assert torch.equal(edited.shape, codes.shape)


def test_twice_the_text_is_twice_the_change(mapper):
    codes, (wanted, unwanted) = faces(), text()
    calm = codes._replace(expression=torch.zeros_like(codes.expression))  # releasing one's own ends at all of it
    once, twice = mapper(calm, wanted, unwanted), mapper(calm, 2 * wanted, 2 * unwanted)
    for first, second in zip(once, twice, strict=True):
        torch.testing.assert_close(2 * first, second)


def test_the_edit_of_one_text_is_what_the_network_says_of_it(mapper):
    codes, (wanted, unwanted) = faces(), text(1)
    edit = mapper.for_text(wanted[0], unwanted[0])
    assert isinstance(edit, FaceMapper)
    many = wanted.expand(3, -1), unwanted.expand(3, -1)
    for found, right in zip(edit.offsets(codes), mapper(codes, *many), strict=True):
        torch.testing.assert_close(found, right, atol=2e-5, rtol=1e-4)


def test_each_face_of_a_batch_has_its_own_text(mapper):
    codes, (wanted, unwanted) = faces(), text()
    together = mapper(codes, wanted, unwanted)
    for row in range(3):
        alone = mapper(codes.rows([row]), wanted[row : row + 1], unwanted[row : row + 1])
        for one, some in zip(alone, together, strict=True):
            torch.testing.assert_close(one[0], some[row])


def test_a_released_expression_is_the_faces_own(mapper):
    with torch.no_grad():
        mapper.expression.zero_()
        mapper.released.fill_(100.0)
    codes, (wanted, unwanted) = faces(), text()
    wanted = wanted * mapper.numbers(wanted, unwanted).sum(1).sign()[:, None]  # so that all of it is released
    released = (mapper.numbers(wanted, unwanted) @ mapper.released).clamp(0, 1)
    moved = codes.moved(mapper(codes, wanted, unwanted)).expression
    torch.testing.assert_close(moved[:, :EXPRESSIONS], (1 - released) * codes.expression[:, :EXPRESSIONS])
    assert torch.equal(moved[:, EXPRESSIONS:], codes.expression[:, EXPRESSIONS:])


def test_it_is_saved_and_read_again_and_so_is_the_edit_of_one_text(mapper, tmp_path):
    codes, (wanted, unwanted) = faces(), text(1)
    read, notes = TextMapper.from_weights(mapper.save(tmp_path / "text.safetensors", note=1))
    assert notes == {"note": 1}
    edit = read.for_text(wanted[0], unwanted[0])
    again, _ = FaceMapper.from_weights(edit.save(tmp_path / "mapper.safetensors"))
    for found, right in zip(again.offsets(codes), mapper.for_text(wanted[0], unwanted[0]).offsets(codes), strict=True):
        assert torch.equal(found, right)


def test_directions_of_another_encoder_are_refused(mapper):
    with pytest.raises(ValueError, match="wanted: expected"):
        mapper(faces(), torch.zeros(3, FEATURES + 1), torch.zeros(3, FEATURES))


def test_the_shipped_one_is_small():
    assert sum(parameter.numel() for parameter in TextMapper(16, 512, 64, 100, 192).parameters()) * 2 < 6e6


@pytest.mark.parametrize("activate_last", [True, False])
def test_networks_can_start_like_an_edit(activate_last):
    torch.manual_seed(0)
    network, codes = LevelwiseMLP(4, [8, 64, 5], activate_last), torch.randn(40, 4, 8)
    wanted = torch.randn(4, 5) + 0.3 * torch.einsum("bld,lde->ble", codes, torch.randn(4, 8, 5))
    network.start_like(codes, wanted, ridge=1e-3)
    error = (network(codes) - wanted).square().mean() / (wanted - wanted.mean(0)).square().mean()
    assert error < 0.05
