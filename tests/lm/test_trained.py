from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import tiny  # noqa: E402

from winnow.core.errors import InputError, RecipeError  # noqa: E402
from winnow.core.files import read_json, write_json  # noqa: E402
from winnow.core.run import materialize  # noqa: E402
from winnow.core.table import Store  # noqa: E402
from winnow.lm.heldout import bits_per_byte, heldout_bits  # noqa: E402
from winnow.lm.stream import TokenStream  # noqa: E402
from winnow.lm.train import Train  # noqa: E402
from winnow.lm.trained import open_trained  # noqa: E402


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    held = (("made", tiny.mix(200, 1, "held")),)
    step = Train(tokens=tiny.mix(2000), scale="tiny", heldout=held, keep_checkpoints=(0.5,))
    with tiny.installed():
        return materialize(step, tmp_path_factory.mktemp("store"))


def test_an_opened_model_is_the_one_that_was_trained(made: Path) -> None:
    trained = open_trained(made)
    held = tiny.mix(200, 1, "held")
    bits, num_bytes = heldout_bits(trained.model, TokenStream.open(held, Store(made.parent)))
    assert bits_per_byte(bits, num_bytes) == pytest.approx(trained.report["bits_per_byte"]["made"], rel=1e-6)
    assert not trained.model.training
    assert (trained.context, trained.tokenizer.vocab_size, trained.config["end_of_text"]) == (16, 257, 256)
    assert trained.config["recipe"]["scale"] == "tiny"
    assert trained.tokenizer.encode(["ab"]) == [[97, 98]]


def test_the_files_and_the_models_kept_along_the_run_are_opened_too(made: Path) -> None:
    assert open_trained(made / "files").report["scale"] == "tiny"
    kept = open_trained(made / "files" / "checkpoints" / "0000008")
    assert kept.report == {}
    assert not torch.equal(kept.model.head.weight, open_trained(made).model.head.weight)


def test_what_is_no_model_of_ours_is_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="holds no model that winnow trained"):
        open_trained(tmp_path)
    for name in ("model.safetensors", "tokenizer.json"):
        (tmp_path / name).write_bytes((made / "files" / name).read_bytes())
    config = read_json(made / "files" / "config.json")
    write_json(tmp_path / "config.json", config | {"shape": config["shape"] | {"width": 64}})
    with pytest.raises(InputError, match="do not fit"):
        open_trained(tmp_path)
    write_json(tmp_path / "config.json", {"model_type": "llama"})
    with pytest.raises(RecipeError, match="open it with transformers"):
        open_trained(tmp_path)
