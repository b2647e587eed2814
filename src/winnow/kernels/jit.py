"""How every kernel is compiled: once per machine, without the GIL, into a cache that cannot go stale.

Numba's own cache notices a change in the kernel's file but not in a helper that the kernel calls, so the cache lives in
a folder named by a digest of all kernel sources. The folder is under ``$WINNOW_CACHE`` or the user's cache directory,
because an installed package may lie on a read-only disk.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from winnow.core.files import cache_root

F = TypeVar("F", bound=Callable[..., object])


def cache_directory() -> Path:
    """Where compiled kernels are kept; changes with any kernel source, and apart where indices are checked."""
    digest = hashlib.blake2b(b"checked" if BOUNDSCHECK else b"", digest_size=8)
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return cache_root() / "kernels" / digest.hexdigest()


def _configure() -> None:
    import numba

    numba.config.CACHE_DIR = str(cache_directory())


def kernel(function: F) -> F:
    """Compile a function of numbers and NumPy arrays to machine code (Numba, nopython, ``nogil``, cached)."""
    return _compile(function)


def leaf(function: F) -> F:
    """Compile a kernel that makes no array and returns none, so that it need not count references to arrays.

    Counting costs two atomic operations for every array that a function is given: half of the time of kernels that are
    made of small functions. A leaf may call other leaves only. A row of a structured array does not keep its array
    alive: take it from an array that the caller holds.
    """
    return _compile(function, _nrt=False)


def inlined(function: F) -> F:
    """Compile a leaf of a few lines into its callers, which spares them passing arrays (seven words each)."""
    return _compile(function, _nrt=False, forceinline=True)


def _compile(function: F, **options: bool) -> F:
    import numba

    compiled = numba.njit(nogil=True, cache=True, boundscheck=BOUNDSCHECK, no_cfunc_wrapper=True, **options)(function)
    compiled.get_call_template = _with_plain_numbers(compiled.get_call_template)
    return cast(F, compiled)


def _with_plain_numbers(get_call_template: Callable[..., object]) -> Callable[..., object]:
    """Let kernels call a function with int64 wherever they have a literal or a narrower integer.

    Numba would compile the function anew for each literal and each mixture of widths: twice as many in all.
    """

    def get_plain_call_template(args: Iterable[object], keywords: Mapping[str, object]) -> object:
        plain = {name: _plain(kind) for name, kind in keywords.items()}
        return get_call_template(tuple(_plain(kind) for kind in args), plain)

    return get_plain_call_template


def _plain(kind: Any) -> Any:
    from numba import types

    kind = types.unliteral(kind)
    return types.int64 if isinstance(kind, types.Integer) and kind.bitwidth < 64 else kind


BOUNDSCHECK = os.environ.get("WINNOW_BOUNDSCHECK") == "1"
"""Whether every index is checked (slow): set ``WINNOW_BOUNDSCHECK=1`` to hunt a kernel that reads out of bounds."""

_configure()
