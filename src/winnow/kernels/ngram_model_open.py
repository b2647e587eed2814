"""Opening an n-gram model, whatever kind of file it is."""

from __future__ import annotations

from pathlib import Path

from winnow.core.errors import RecipeError
from winnow.core.files import appearing, cache_root, stamp
from winnow.core.plain import digest
from winnow.kernels.ngram_model import NgramModel
from winnow.kernels.ngram_model_arpa import read_arpa
from winnow.kernels.ngram_model_file import is_binary, make_model, open_binary


def open_ngram_model(path: Path) -> NgramModel:
    """A KenLM binary file, mapped; an ARPA file is made into one first, which is kept in the cache for the next time.

    Raises:
        RecipeError: the file is missing, is neither, or cannot be read; the message says what to do.
    """
    if not path.is_file():
        raise RecipeError(f"there is no n-gram model at {path}: give a KenLM binary (probing) or an ARPA file")
    if is_binary(path):
        return open_binary(path)
    kept = cache_root() / "ngram-models" / f"{digest([str(path.resolve()), stamp(path)])}.bin"
    if not kept.exists():
        model = make_model(*read_arpa(path))
        with appearing(kept) as temporary:
            model.data.tofile(temporary)
    return open_binary(kept)
