"""A Bloom filter whose eight bits for an entry lie in one cache line (Putze, Sanders and Singler 2009).

A block has 512 bits, as eight words of 64; an entry has one block and one bit in each of its words. So a look-up costs
one cache miss, which is asked for ahead of time, where the classic filter's eight bits cost eight. The price is that
blocks fill unevenly, which takes a few percent more memory for the same rate of false positives; ``bits_per_entry``
counts it in.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from winnow.kernels.hashing import mix
from winnow.kernels.jit import inlined, leaf

if TYPE_CHECKING:
    from numpy.typing import NDArray

LANES = 8
LANE_BITS = 64
BLOCK_BYTES = LANES * LANE_BITS // 8
MAX_BLOCKS = 1 << 32
"""A block is found by 32 bits of a hash: 256 GiB."""

Blocks: TypeAlias = "NDArray[np.uint64]"
"""Shape (number of blocks, LANES), aligned to cache lines."""

_AHEAD = 32
"""Look-ups between asking for a cache line and reading it."""
_SALT = np.uint64(0xC2B2AE3D27D4EB4F)
_ONE = np.uint64(1)
_LAST = np.uint64(LANE_BITS - 1)


def false_positive_rate(entries_per_block: float) -> float:
    """Chance that an entry which was never inserted is found, at so many entries a block on average.

    Entries spread over blocks as a Poisson variable does; of a block with i entries each word has a given bit set with
    probability ``1 - (1 - 1/64)**i``.
    """
    spread = 12 * math.sqrt(entries_per_block) + 24
    numbers = np.arange(max(0, int(entries_per_block - spread)), int(entries_per_block + spread) + 1)
    factorials = np.array([math.lgamma(number + 1.0) for number in numbers])
    chances = np.exp(numbers * math.log(entries_per_block) - entries_per_block - factorials)
    return float(chances @ (1 - (1 - 1 / LANE_BITS) ** numbers) ** LANES)


def blocks_for(num_entries: int, rate: float) -> int:
    """The fewest blocks that hold so many entries at a rate of false positives of at most ``rate``."""
    low, high = 1e-6, 4096.0
    for _ in range(45):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if false_positive_rate(middle) <= rate else (low, middle)
    return max(1, math.ceil(num_entries / low))


def new_blocks(num_blocks: int) -> Blocks:
    """An empty filter."""
    memory = np.zeros(num_blocks * LANES + LANES, np.uint64)
    start = -(memory.ctypes.data // 8) % LANES
    return memory[start : start + num_blocks * LANES].reshape(num_blocks, LANES)


@intrinsic
def _prefetch(context: Any, data: Any, at: Any) -> Any:
    """Ask for the cache line that holds ``data[at]``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        start = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        number = ir.IntType(32)
        address = builder.bitcast(builder.gep(start, [arguments[1]]), ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [address.type, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", [address.type], kind)
        builder.call(function, [address, *(ir.Constant(number, value) for value in (1, 3, 1))])
        return context.get_dummy_value()

    return types.void(data, types.intp), generate


@inlined
def _block_of(blocks: Blocks, hashed: np.uint64) -> int:
    return np.int64(((hashed >> np.uint64(32)) * np.uint64(blocks.shape[0])) >> np.uint64(32))


@inlined
def _holds(blocks: Blocks, hashed: np.uint64) -> bool:
    """Whether all eight bits of an entry are set."""
    block, bits, missing = blocks[_block_of(blocks, hashed)], mix(hashed, _SALT), np.uint64(0)
    for lane in range(LANES):
        missing |= ~block[lane] >> ((bits >> np.uint64(6 * lane)) & _LAST)
    return missing & _ONE == 0


@inlined
def _insert(blocks: Blocks, hashed: np.uint64) -> None:
    block, bits = blocks[_block_of(blocks, hashed)], mix(hashed, _SALT)
    for lane in range(LANES):
        block[lane] |= _ONE << ((bits >> np.uint64(6 * lane)) & _LAST)


@leaf
def count_seen(
    blocks: Blocks, hashes: NDArray[np.uint64], sizes: NDArray[np.int32], threshold: float, seen: NDArray[np.int32]
) -> None:
    """Write for each paragraph how many of its n-grams the filter holds, and insert them unless it is a duplicate.

    Paragraphs come one after the other, each with the next ``sizes[i]`` of the hashes. One is a duplicate where more
    than ``threshold`` of its n-grams were there before it (BFF, ``process_line_oldboth``).
    """
    lines = blocks.reshape(blocks.size)
    start = 0
    for paragraph in range(sizes.size):
        end, found = start + sizes[paragraph], 0
        for index in range(start, end):
            if index + _AHEAD < hashes.size:
                _prefetch(lines, LANES * _block_of(blocks, hashes[index + _AHEAD]))
            found += _holds(blocks, hashes[index])
        seen[paragraph] = found
        if found / (end - start) <= threshold:
            for index in range(start, end):
                _insert(blocks, hashes[index])
        start = end
