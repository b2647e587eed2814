from __future__ import annotations

import math
from pathlib import Path

import pytest

from winnow.core.errors import RecipeError
from winnow.lm.scales import SCALES, find_scale

DCLM = {  # Li et al. 2024, table 1; mlfoundations/dclm, training/configs and open_lm_configs
    "400M-1x": (411_616_256, 359_973_888, 8_232_325_120, 2.0e19, 7_851),
    "1B-1x": (1_439_795_200, 1_336_510_464, 28_795_904_000, 2.49e20, 54_924),
    "3B-1x": (2_795_932_160, 2_666_826_240, 55_918_643_200, 9.4e20, 106_657),
    "7B-1x": (6_889_410_560, 6_682_841_088, 137_788_211_200, 5.7e21, 32_851),
    "7B-2x": (6_889_410_560, 6_682_841_088, 275_576_422_400, 1.1e22, 65_702),
}
RUNGS = {"0.1M": 1e5, "0.3M": 3e5, "1M": 1e6, "3M": 3e6, "10M": 1e7, "30M": 3e7, "100M": 1e8}


@pytest.mark.parametrize("name", DCLM)
def test_parameters_tokens_and_flops_are_those_of_dclm(name: str) -> None:
    params, without, tokens, flops, steps = DCLM[name]
    scale = find_scale(name)
    assert (scale.num_params, scale.num_params_no_embedding, scale.num_tokens) == (params, without, tokens)
    assert scale.flops == 6 * params * tokens == pytest.approx(flops, rel=0.04)
    assert abs(scale.num_steps - steps) <= 1  # the last batch is not whole


def test_the_published_flops_of_1b_are_lower_than_its_own_counts_make() -> None:
    assert find_scale("1B-1x").flops / 2.4e20 == pytest.approx(1.0365, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("400M-1x", (24, 8, 1024, 2816, 3e-3, 0.033, 2000, 512, 1e-4)),
        ("1B-1x", (24, 16, 2048, 5632, 3e-3, 0.033, 5000, 256, 1e-4)),
        ("3B-1x", (32, 32, 2560, 6912, 3e-3, 0.033, 5000, 256, 1e-4)),
        ("7B-1x", (32, 32, 4096, 11008, 2e-3, 0.05, 5000, 2048, 5e-6)),
        ("7B-2x", (32, 32, 4096, 11008, 2e-3, 0.05, 5000, 2048, 5e-6)),
    ],
)
def test_shapes_and_numbers_of_the_optimiser_are_those_of_dclm(name: str, expected: tuple[float, ...]) -> None:
    scale, shape = find_scale(name), find_scale(name).shape
    found = (shape.num_layers, shape.num_heads, shape.width, shape.hidden)
    assert (*found, scale.learning_rate, scale.weight_decay, scale.warmup_steps, scale.batch_size, scale.z_loss) == (
        expected
    )
    assert (shape.vocab_size, shape.context, scale.end_learning_rate) == (50_432, 2048, 3e-5)
    assert shape.hidden == 256 * -(-(8 * shape.width // 3) // 256)
    assert scale.warmup(scale.num_steps) == scale.warmup_steps


@pytest.mark.parametrize("name", RUNGS)
def test_a_rung_is_named_by_the_parameters_of_its_blocks(name: str) -> None:
    scale = find_scale(name)
    assert scale.shape.num_block_params == pytest.approx(RUNGS[name], rel=0.07)
    assert scale.num_tokens == 20 * scale.shape.num_block_params
    assert scale.shape.width % (2 * scale.shape.num_heads) == 0
    assert scale.shape.hidden / scale.shape.width == pytest.approx(8 / 3, rel=0.13)
    assert scale.warmup(scale.num_steps) / scale.num_steps == pytest.approx(0.1, abs=0.01)


def test_rates_that_are_not_tuned_lie_between_those_of_3m_and_400m() -> None:
    low, high = find_scale("3M"), find_scale("400M-1x")
    for name in ("10M", "30M", "100M"):
        sizes = [math.log(scale.shape.num_block_params) for scale in (low, find_scale(name), high)]
        share = (sizes[1] - sizes[0]) / (sizes[2] - sizes[0])
        expected = low.learning_rate * (high.learning_rate / low.learning_rate) ** share
        assert find_scale(name).learning_rate == pytest.approx(expected, rel=0.02)


def test_another_vocabulary_changes_a_rungs_parameters_and_not_its_tokens() -> None:
    small, large = find_scale("1M").with_vocabulary(257), find_scale("1M").with_vocabulary(50_257)
    assert (small.shape.vocab_size, large.shape.vocab_size) == (320, 50_304)
    assert small.num_tokens == large.num_tokens
    assert large.num_params - small.num_params == 2 * 128 * (50_304 - 320)


def test_a_dclm_scale_keeps_its_vocabulary_and_refuses_a_larger_one() -> None:
    assert find_scale("400M-1x").with_vocabulary(4096) == find_scale("400M-1x")
    with pytest.raises(RecipeError, match="has 128256 tokens, and 400M-1x has room for 50432"):
        find_scale("400M-1x").with_vocabulary(128_256)


def test_a_multiplier_multiplies_the_tokens_alone() -> None:
    assert find_scale("1M-2x").num_tokens == 2 * find_scale("1M").num_tokens
    assert find_scale("0.3M-0.5x").num_tokens == find_scale("0.3M").num_tokens // 2
    assert find_scale("1M-2x").shape == find_scale("1M-1x").shape == find_scale("1M").shape
    assert find_scale("400M-2x").num_tokens == 2 * DCLM["400M-1x"][2]
    assert find_scale("7B").num_tokens == DCLM["7B-1x"][2]
    assert find_scale("1M-2x").name == "1M-2x"


def test_a_shorter_run_warms_up_for_the_same_share_of_its_steps_and_a_longer_one_no_longer() -> None:
    scale = find_scale("400M-1x")
    assert scale.warmup(scale.num_steps // 10) == pytest.approx(200, abs=1)
    assert scale.warmup(10 * scale.num_steps) == 2000
    assert scale.warmup(1) == 1


@pytest.mark.parametrize("name", ["2M", "1M-0x", "400m-1x", "", "1M-x"])
def test_an_unknown_scale_is_refused_with_the_nearest_names(name: str) -> None:
    with pytest.raises(RecipeError, match=f"no scale is called '{name}'"):
        find_scale(name)
    assert "1M" in SCALES


def test_the_page_shows_the_table() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "training.md").read_text()
    for name, scale in SCALES.items():
        shape = scale.shape
        sizes = (shape.num_layers, shape.num_heads, shape.width, shape.hidden, shape.context, scale.batch_size)
        counts = [f"{count:,}" for count in (scale.num_params, shape.num_block_params, scale.num_tokens)]
        assert f"| `{name}` | {' | '.join([*map(str, sizes), *counts, f'{scale.flops:.2e}'])} |" in page
