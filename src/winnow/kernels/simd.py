"""Sixty-four bytes at once: comparisons that give one bit a byte, and tricks on such masks.

Written as portable LLVM vectors, so one source becomes AVX-512, AVX2, SSE or NEON code for the machine at hand. Each
comparison reads 64 bytes from ``data[at]`` on, whatever lies there: the caller keeps that many readable (see
``buffers.PADDING``). Bit k of a mask belongs to byte ``at + k``.

Rejected: one table lookup a byte (8x slower), and AVX-512 intrinsics in C (no faster, one kind of machine only).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from winnow.kernels.jit import BOUNDSCHECK, inlined

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 64
_BYTE = ir.IntType(8)
_WORD = ir.IntType(64)
_BYTES = ir.VectorType(_BYTE, BLOCK)

Builder = Any
Value = Any


def _load(context: Any, builder: Builder, signature: Any, arguments: Any, wanted: ir.Type) -> Value:
    """A value of the wanted type from ``data[at]`` on, at any alignment; arguments begin with ``data, at``."""
    start = context.make_array(signature.args[0])(context, builder, arguments[0]).data
    at = builder.gep(start, [arguments[1]])
    return builder.load(builder.bitcast(at, wanted.as_pointer()), align=1)


def _splat(builder: Builder, number: Value) -> Value:
    """A vector of 64 copies of a number's low byte."""
    byte = builder.trunc(number, _BYTE)
    lane = builder.insert_element(ir.Constant(_BYTES, ir.Undefined), byte, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(lane, lane, ir.Constant(ir.VectorType(ir.IntType(32), BLOCK), [0] * BLOCK))


def _comparison(num_operands: int, compare: Callable[..., Value]) -> Any:
    """An intrinsic ``(data, at, *operands) -> mask`` from a comparison of vectors that gives 64 truth values."""

    def generate(context: Any, builder: Builder, signature: Any, arguments: Any) -> Value:
        block = _load(context, builder, signature, arguments, _BYTES)
        truth = compare(builder, block, *(_splat(builder, operand) for operand in arguments[2:]))
        return builder.bitcast(truth, _WORD)

    def signature(data: Any) -> Any:
        return types.uint64(data, types.intp, *[types.int64] * num_operands)

    if num_operands == 1:
        return intrinsic(lambda context, data, at, byte: (signature(data), generate))
    return intrinsic(lambda context, data, at, low, high: (signature(data), generate))


def _is_equal(builder: Builder, block: Value, byte: Value) -> Value:
    return builder.icmp_unsigned("==", block, byte)


def _is_equal_folded(builder: Builder, block: Value, letter: Value) -> Value:
    small = builder.or_(block, ir.Constant(_BYTES, [0x20] * BLOCK))
    return builder.icmp_unsigned("==", small, letter)


def _is_between(builder: Builder, block: Value, low: Value, high: Value) -> Value:
    return builder.icmp_unsigned("<=", builder.sub(block, low), builder.sub(high, low))


_equal = _comparison(1, _is_equal)
_equal_folded = _comparison(1, _is_equal_folded)
_between = _comparison(2, _is_between)


@intrinsic
def _word_at(context: Any, data: Any, at: Any) -> Any:
    def generate(context: Any, builder: Builder, signature: Any, arguments: Any) -> Value:
        return _load(context, builder, signature, arguments, _WORD)

    return types.uint64(data, types.intp), generate


@intrinsic
def _store_small(context: Any, data: Any, at: Any, out: Any, place: Any) -> Any:
    def generate(context: Any, builder: Builder, signature: Any, arguments: Any) -> Value:
        wide = ir.VectorType(_BYTE, 16)
        block = _load(context, builder, signature, arguments, wide)
        start = context.make_array(signature.args[2])(context, builder, arguments[2]).data
        target = builder.bitcast(builder.gep(start, [arguments[3]]), wide.as_pointer())
        builder.store(builder.or_(block, ir.Constant(wide, [0x20] * 16)), target, align=1)
        return context.get_dummy_value()

    return types.void(data, types.intp, out, types.intp), generate


@intrinsic
def popcount(context: Any, mask: Any) -> Any:
    """Number of bits set in a uint64."""

    def generate(context: Any, builder: Builder, signature: Any, arguments: Any) -> Value:
        return builder.bitcast(builder.ctpop(arguments[0]), _WORD)

    return types.int64(types.uint64), generate


@intrinsic
def trailing_zeros(context: Any, mask: Any) -> Any:
    """Position of the lowest bit set in a uint64; 64 if none is."""

    def generate(context: Any, builder: Builder, signature: Any, arguments: Any) -> Value:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@inlined
def equal(data: NDArray[np.uint8], at: int, byte: int) -> np.uint64:
    """Mask of the bytes that equal ``byte``."""
    _check(data, at + BLOCK)
    return _equal(data, at, byte)


@inlined
def equal_folded(data: NDArray[np.uint8], at: int, letter: int) -> np.uint64:
    """Mask of the bytes that equal the small letter or its capital."""
    _check(data, at + BLOCK)
    return _equal_folded(data, at, letter)


@inlined
def between(data: NDArray[np.uint8], at: int, low: int, high: int) -> np.uint64:
    """Mask of the bytes in ``low..high``, both ends included."""
    _check(data, at + BLOCK)
    return _between(data, at, low, high)


@inlined
def word_at(data: NDArray[np.uint8], at: int) -> np.uint64:
    """The eight bytes from ``at`` on, the first one lowest."""
    _check(data, at + 8)
    return _word_at(data, at)


@inlined
def store_small(data: NDArray[np.uint8], at: int, out: NDArray[np.uint8], place: int) -> None:
    """Copy sixteen bytes to another array; capitals become small letters (and bytes that are no letters change)."""
    _check(data, at + 16)
    _check(out, place + 16)
    _store_small(data, at, out, place)


@inlined
def _check(data: NDArray[np.uint8], end: int) -> None:
    if BOUNDSCHECK and end > data.size:
        raise IndexError("vector load past the end of the buffer")


@inlined
def low_bits(count: int) -> np.uint64:
    """Mask of the ``count`` lowest bits, ``count`` in 0..64."""
    return np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(BLOCK - count) if count > 0 else np.uint64(0)
