from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tiny import SHAPE, mix  # noqa: E402
from token_tables import GivenTokens, documents_of  # noqa: E402

from winnow.core.errors import InputError  # noqa: E402
from winnow.core.run import materialize  # noqa: E402
from winnow.core.table import Store  # noqa: E402
from winnow.lm import heldout  # noqa: E402
from winnow.lm.heldout import bits_per_byte, heldout_bits, packed_bits  # noqa: E402
from winnow.lm.mix import Mix  # noqa: E402
from winnow.lm.model import Transformer  # noqa: E402
from winnow.lm.stream import TokenStream  # noqa: E402


def opened(given: Mix, store: Path) -> TokenStream:
    materialize(given, store)
    return TokenStream.open(given, Store(store))


def one_by_one(model: Transformer, stream: TokenStream) -> list[float]:
    """Bits of each token by the book: the window that it stands in, run up to it."""
    all_tokens = [stream.end_of_text, *stream.slice(0, stream.num_tokens).tolist()]
    context, found = model.shape.context, []
    for place in range(stream.num_tokens):
        window = all_tokens[place // context * context : place + 1]
        with torch.no_grad():
            logits = model(torch.tensor([window]))[0, -1]
        found.append(-float(torch.log_softmax(logits, -1)[all_tokens[place + 1]]) / np.log(2))
    return found


@pytest.mark.parametrize("num_tokens", [5, 16, 75])
@pytest.mark.parametrize("batch", [16, 48, 4096])
def test_bits_are_those_of_tokens_predicted_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_tokens: int, batch: int
) -> None:
    monkeypatch.setitem(heldout.BATCH_TOKENS, "cpu", batch)
    stream, model = opened(mix(num_tokens), tmp_path), Transformer(SHAPE).eval()
    bits, num_bytes = heldout_bits(model, stream)
    tokens = one_by_one(model, stream)
    starts, _, _ = stream.documents()
    ends = [*starts[1:], num_tokens]
    assert bits == pytest.approx([sum(tokens[a:b]) for a, b in zip(starts, ends, strict=True)], rel=1e-4)
    assert num_bytes.tolist() == [10 * (b - a) for a, b in zip(starts, ends, strict=True)]
    assert bits_per_byte(bits, num_bytes) == pytest.approx(sum(tokens) / num_tokens / 10, rel=1e-4)


def test_a_model_that_knows_nothing_pays_the_log_of_its_vocabulary(tmp_path: Path) -> None:
    stream = opened(mix(75), tmp_path)
    bits, _ = packed_bits(lambda _, targets: torch.full(targets.shape, float(np.log(320))), stream, 16, "cpu")
    assert bits.sum() == pytest.approx(75 * np.log2(320), rel=1e-6)
    assert len(bits) == len(documents_of(stream.mix.sources[0][1], Store(tmp_path)))


def test_a_set_without_text_is_refused(tmp_path: Path) -> None:
    empty = Mix(sources=(("none", GivenTokens(name="none", shards=(((256,),),))),))
    stream = opened(empty, tmp_path)
    with pytest.raises(InputError, match="no text"):
        packed_bits(lambda _, targets: targets.float(), _without_bytes(stream), 16, "cpu")


def _without_bytes(stream: TokenStream) -> TokenStream:
    class Silent(TokenStream):
        def documents(self) -> tuple[np.ndarray, np.ndarray, list[str]]:
            starts, num_bytes, ids = super().documents()
            return starts, 0 * num_bytes, ids

    return Silent(**{name: getattr(stream, name) for name in stream.__dataclass_fields__})
