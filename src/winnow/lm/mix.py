"""A training stream of several sources: how much of each, how often, in which order.

A mix is an order of documents, never a copy of their tokens. On disk it takes 16 bytes a document that it draws; making
it takes about 90 bytes of memory a document. So mixing again costs seconds, whatever the corpus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from winnow.core.errors import InputError, RecipeError
from winnow.core.files import fingerprint, write_json
from winnow.core.plain import digest
from winnow.core.step import Step, Whole, unique
from winnow.core.table import Store
from winnow.lm.order import Order, beginning, bytes_drawn, interleave
from winnow.lm.shares import Advised, Epochs, Proportional, Shares, allot, check_shares, share_weights
from winnow.lm.token_table import Sizes, TokenTable, document_sizes
from winnow.lm.tokenizer import open_tokenizer
from winnow.measure.model import Model, fitted_models, given_files, with_fitted_models

DOCUMENTS, STARTS, ABOUT = "documents.npy", "starts.npy", "mix.json"
"""The files of a mix: which document comes when (its number among all sources' documents, in their order), at which
token each begins, and what was drawn."""


@dataclass(frozen=True, kw_only=True)
class Mix(Whole):
    """A training stream: whole documents of several sources, evenly interleaved.

    Every pass over a source (an epoch) takes each of its documents once, in an order of its own that the seed decides;
    the next pass begins when the last one is through. In any beginning of the stream, each source has its share to
    within its document at hand. The last document drawn of each source is cut, so that the numbers are exact; nothing
    is cut where every source is passed over a whole number of times.

    ``mix.json`` says for each source and in total: ``num_tokens`` drawn, ``unique_tokens`` among them, ``num_bytes`` of
    text (of a cut document its share), ``epochs`` (a source's: drawn tokens by its tokens; the total's: by unique
    tokens), and ``dataset``, which is equal where the same documents are drawn equally often, whatever the seed.
    """

    sources: tuple[tuple[str, TokenTable], ...]
    """Names and their tokens, all by one tokenizer."""
    num_tokens: int | None = None
    """The length of the stream; None for as many tokens as the sources hold together, or as ``Epochs`` ask for.

    Beside ``Epochs`` the most that it may have: where they ask for more, every source is cut to the same share of its
    tokens, whole documents by the seed, and that is passed over as often. So a short stream repeats as a long one
    would, and ``mix.json`` speaks of what the sources are cut to.
    """
    shares: Shares = field(default_factory=Proportional)
    max_epochs: float | None = None
    """More passes than this over any source are refused: repetition that nobody meant."""
    seed: int = 0

    @property
    def tokenizer(self) -> Model:
        """The tokenizer of all sources."""
        return self.sources[0][1].tokenizer

    def inputs(self) -> tuple[Step, ...]:
        """The sources, the step that fits their tokenizer, and an advisor."""
        fitted = [self.tokenizer] if isinstance(self.tokenizer, Step) else []
        return tuple(unique(iter([*(table for _, table in self.sources), *fitted, *fitted_models(self.shares)])))

    def outside(self) -> dict[str, str]:
        """Digest of an advisor's file."""
        given = given_files(self.shares.model) if isinstance(self.shares, Advised) else ()
        return {path: fingerprint(path) for path in given}

    def check(self) -> None:
        """Refuse sources, shares and lengths that make no stream."""
        names = [name for name, _ in self.sources]
        if not names:
            raise RecipeError("a mix has no sources: give at least one (name, tokens)")
        if len({*names}) < len(names) or len({table.key for _, table in self.sources}) < len(names):
            raise RecipeError(f"the sources {', '.join(names)} repeat a name or a table: give each once")
        for name, table in self.sources[1:]:
            if table.tokenizer != self.tokenizer:
                raise RecipeError(
                    f"{names[0]} and {name} have different tokenizers ({_named(self.tokenizer)} and "
                    f"{_named(table.tokenizer)}): tokenize both with one"
                )
        if self.num_tokens is not None and self.num_tokens < 1:
            raise RecipeError(f"num_tokens is {self.num_tokens}; it must be at least 1")
        if self.max_epochs is not None and self.max_epochs <= 0:
            raise RecipeError(f"max_epochs is {self.max_epochs}; it must be above 0")
        check_shares(self.shares, names)

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Allot tokens to the sources, draw their documents, interleave them."""
        sizes = self._cut([document_sizes(table, store) for _, table in self.sources])
        names = [name for name, _ in self.sources]
        drawn = self._drawn({name: size.num_tokens for name, size in zip(names, sizes, strict=True)}, store)
        order = interleave([size.lengths for size in sizes], list(drawn.values()), self._seeds())
        np.save(directory / DOCUMENTS, order.documents)
        np.save(directory / STARTS, order.starts)
        about = self._about(sizes, drawn, order, store)
        write_json(directory / ABOUT, about)
        return {name: about[name] for name in ("num_tokens", "unique_tokens", "num_bytes")}

    def _cut(self, sizes: list[Sizes]) -> list[Sizes]:
        """The sources, of documents without tokens where these are too many for ``Epochs``."""
        if self.num_tokens is None or not isinstance(self.shares, Epochs):
            return sizes
        epochs = dict(self.shares.epochs)
        wanted = sum(epochs[name] * size.num_tokens for (name, _), size in zip(self.sources, sizes, strict=True))
        if wanted <= self.num_tokens:
            return sizes
        share = self.num_tokens / wanted
        return [
            size._replace(lengths=beginning(size.lengths, share, seed)) if size.num_tokens else size
            for size, seed in zip(sizes, self._seeds(), strict=True)
        ]

    def _drawn(self, sizes: Mapping[str, int], store: Store) -> dict[str, int]:
        """The tokens to draw of each source; InputError where it does not hold them."""
        empty = [name for name, size in sizes.items() if not size]
        if empty:
            raise InputError(f"{', '.join(empty)} holds no tokens: leave it out, or look at why nothing was kept")
        weights = share_weights(with_fitted_models(self.shares, store), sizes)
        whole = weights if isinstance(self.shares, Epochs) else sizes
        asked = None if isinstance(self.shares, Epochs) else self.num_tokens
        num_tokens = round(sum(whole.values())) if asked is None else asked
        drawn = allot(num_tokens, weights)
        for name, tokens in drawn.items():
            if self.max_epochs is not None and tokens > self.max_epochs * sizes[name]:
                raise InputError(
                    f"{num_tokens} tokens take {tokens / sizes[name]:.2f} epochs of {name} ({sizes[name]} tokens), and "
                    f"max_epochs is {self.max_epochs}: ask for fewer tokens, give {name} a smaller share, or more text"
                )
        return drawn

    def _seeds(self) -> list[int]:
        """A seed for each source, by its name: another source beside it changes nothing of its order."""
        return [int(digest([self.seed, name]), 16) for name, _ in self.sources]

    def _about(self, sizes: Sequence[Sizes], drawn: Mapping[str, int], order: Order, store: Store) -> dict[str, Any]:
        """What ``mix.json`` says."""
        tokenizer = open_tokenizer(self.tokenizer, store)
        num_tokens = sum(drawn.values())
        lengths, given = (np.concatenate(columns) for columns in zip(*sizes, strict=True))
        num_bytes = bytes_drawn(order, num_tokens, lengths, given)
        source = np.searchsorted(np.cumsum([len(one.lengths) for one in sizes]), order.documents, "right")
        unique_tokens = [min(drawn[name], size.num_tokens) for name, size in zip(drawn, sizes, strict=True)]
        sources = [
            {
                "name": name,
                "num_tokens": drawn[name],
                "unique_tokens": unique_tokens[number],
                "num_bytes": int(num_bytes[source == number].sum()),
                "epochs": drawn[name] / size.num_tokens,
            }
            for number, (name, size) in enumerate(zip(drawn, sizes, strict=True))
        ]
        tables = [store.table(table).manifest.digest for _, table in self.sources]
        return {
            "num_tokens": num_tokens,
            "unique_tokens": sum(unique_tokens),
            "num_bytes": int(num_bytes.sum()),
            "epochs": num_tokens / sum(unique_tokens),
            "dataset": digest(sorted(zip(tables, drawn.values(), [size.num_tokens for size in sizes], strict=True))),
            "vocab_size": tokenizer.vocab_size,
            "end_of_text": tokenizer.end_of_text,
            "sources": sources,
        }


def _named(tokenizer: Model) -> str:
    return tokenizer if isinstance(tokenizer, str) else tokenizer.label
