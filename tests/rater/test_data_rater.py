from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402

from winnow.core.errors import RecipeError  # noqa: E402
from winnow.core.files import write_json  # noqa: E402
from winnow.lm.scales import Shape  # noqa: E402
from winnow.lm.tokenizer import ByteTokenizer  # noqa: E402
from winnow.measure.measure import Judge  # noqa: E402
from winnow.rater.chunks import Chunks  # noqa: E402
from winnow.rater.data_rater import DataRater  # noqa: E402
from winnow.rater.network import Rater  # noqa: E402

SHAPE = Shape(vocab_size=320, context=10, width=16, hidden=32, num_layers=1, num_heads=1)
TEXTS = ["a short one", "", None, "another, which is somewhat longer than the chunks are", "é", "x" * 10]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("rater")
    save_file(dict(rater().state_dict()), made / "model.safetensors")
    write_json(made / "config.json", {"rater": asdict(SHAPE)})
    ByteTokenizer().save(made)
    return made


def rater() -> Rater:
    network = Rater(SHAPE)
    torch.nn.init.normal_(network.head.weight, generator=torch.Generator().manual_seed(0))
    return network


def judged(judge: Judge, texts: list[str | None]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = judge(
        pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.string())})
    ).to_pylist()
    return rows


def by_hand(text: str) -> list[float]:
    """The scores of a document's chunks, one at a time."""
    ids = list(text.encode())
    number = -(-len(ids) // SHAPE.context)
    edges = [len(ids) * place // number for place in range(number + 1)]
    network = rater()
    with torch.no_grad():
        return [
            float(network(Chunks(torch.tensor([ids[a:b]]), torch.tensor([256]), torch.tensor([b - a]))))
            for a, b in pairwise(edges)
        ]


def test_a_document_has_the_mean_of_its_chunks_by_tokens_and_the_lowest(directory: Path) -> None:
    rows = judged(DataRater(model=str(directory)).load(), TEXTS)
    for text, row in zip(TEXTS, rows, strict=True):
        if not text:
            assert row == {"score": None, "lowest": None, "num_chunks": 0, "num_tokens": 0, "reason": "empty"}
            continue
        chunks, size = by_hand(text), len(text.encode())
        sizes = [size * (place + 1) // len(chunks) - size * place // len(chunks) for place in range(len(chunks))]
        assert row["score"] == pytest.approx(np.average(chunks, weights=sizes), abs=1e-5)
        assert row["lowest"] == pytest.approx(min(chunks), abs=1e-5)
        assert (row["num_chunks"], row["num_tokens"], row["reason"]) == (len(chunks), size, None)


def test_a_score_does_not_depend_on_the_documents_beside_it(directory: Path) -> None:
    judge = DataRater(model=str(directory)).load()
    together = [row["score"] for row in judged(judge, TEXTS)]
    alone = [judged(judge, [text])[0]["score"] for text in TEXTS]
    assert [one is None for one in together] == [one is None for one in alone]
    assert [one for one in together if one is not None] == pytest.approx(
        [one for one in alone if one is not None], abs=1e-5
    )


def test_the_columns_say_what_they_are(directory: Path) -> None:
    measure = DataRater(model=str(directory))
    assert measure.columns().names == ["score", "lowest", "num_chunks", "num_tokens", "reason"]
    assert measure.columns().field("score").metadata[b"unit"] == b"nats"
    assert measure.files() == (str(directory),)


def test_a_directory_without_a_rater_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="holds no rater"):
        DataRater(model=str(tmp_path)).load()
