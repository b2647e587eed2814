from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import tiny  # noqa: E402

from winnow.core.run import materialize  # noqa: E402
from winnow.lm.hf_export import ExportHuggingFace  # noqa: E402
from winnow.lm.train import Train  # noqa: E402
from winnow.lm.trained import open_trained  # noqa: E402


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_transformers_gives_the_same_logits_and_the_same_tokens(tmp_path: Path) -> None:
    step = Train(tokens=tiny.mix(2000), scale="tiny")
    with tiny.installed():
        exported = materialize(ExportHuggingFace(model=step), tmp_path) / "files"
    trained = open_trained(tmp_path / step.label)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(exported, dtype=torch.float32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(exported)
    texts = ["abcdefgh", "xyzabc ü\n"]
    assert tokenizer(texts, add_special_tokens=False)["input_ids"] == trained.tokenizer.encode(texts)
    assert (tokenizer.eos_token_id, theirs.config.eos_token_id, theirs.generation_config.eos_token_id) == (256,) * 3
    tokens = torch.randint(0, 257, (3, 16))
    with torch.no_grad():
        found, expected = theirs.eval()(tokens).logits, trained.model(tokens)
    assert float((found - expected).abs().max()) < 2e-5
    assert float(expected.std()) > 0.5
    assert sum(weight.numel() for weight in theirs.parameters()) > trained.model.shape.num_params
    given = materialize(ExportHuggingFace(model=str(tmp_path / step.label)), tmp_path) / "files"
    assert (given / "model.safetensors").read_bytes() == (exported / "model.safetensors").read_bytes()
