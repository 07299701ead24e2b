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
        return cgutils.pack_array(builder, [builder.extract_element(sums, ir.Constant(_INDEX, k)) for k in range(4)])

    return types.UniTuple(types.float32, 4)(blocks, columns, x, types.int64, types.int64), generate


@intrinsic
def slope_row(_: Any, slopes: Any, columns: Any, x: Any, begin: Any, end: Any) -> Any:
    """The sum over ``at`` from ``begin`` to ``end`` of slopes[at] . x[columns[at]]; both four floats wide."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        g, c, v = (_data(context, builder, signature.args[k], arguments[k]) for k in range(3))
        total = cgutils.alloca_once_value(builder, ir.Constant(_FOUR, [0.0] * 4))
        builder.store(ir.Constant(_FOUR, [0.0] * 4), total)
        one, two = ir.Constant(_INT, 1), ir.Constant(_INT, 2)
        with cgutils.for_range_slice(builder, arguments[3], arguments[4], one, _INT) as (at, _):
            j = builder.zext(builder.load(builder.gep(c, [at])), _INT)
            slope, four = (_load(builder, a, builder.shl(k, two), _FOUR) for a, k in ((g, at), (v, j)))
            _gather_add(builder, total, slope, four)
        sums = _halves(builder, _halves(builder, builder.load(total)))
        return builder.extract_element(sums, ir.Constant(_INDEX, 0))

    return types.float32(slopes, columns, x, types.int64, types.int64), generate


@intrinsic
def number_row(_: Any, values: Any, columns: Any, x: Any, begin: Any, end: Any) -> Any:
    """The sum over ``at`` from ``begin`` to ``end`` of values[at] x[columns[at]]; single floats."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        a, c, v = (_data(context, builder, signature.args[k], arguments[k]) for k in range(3))
        total = cgutils.alloca_once_value(builder, ir.Constant(_FLOAT, 0.0))
        builder.store(ir.Constant(_FLOAT, 0.0), total)
        with cgutils.for_range_slice(builder, arguments[3], arguments[4], ir.Constant(_INT, 1), _INT) as (at, _):
            j = builder.zext(builder.load(builder.gep(c, [at])), _INT)
            _gather_add(builder, total, builder.load(builder.gep(a, [at])), builder.load(builder.gep(v, [j])))
        return builder.load(total)

    return types.float32(values, columns, x, types.int64, types.int64), generate


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


# of the upper half of an element: its pairs of points
PAIRS = [(i, o) for i in range(4) for o in range(i, 4)]
_CROSS = [3, 2, 1, 3, 2, 3, 0, 3, 1, 0, 3, 3, 3, 3, 3, 3]
_SIGNS = [0.0, -1.0, 1.0, 0.0, 1.0, 0.0, -1.0, 0.0, -1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]


@intrinsic
def add_element(_: Any, blocks: Any, places: Any, e: Any, f: Any, c: Any, turns: Any, same: Any, factors: Any) -> Any:
    """Add to the blocks of the ten pairs i <= o of element ``e``, column after column, all in float32,

    [[same_io I + ff f_i f_o + fc (f_i c_o + c_i f_o) + cc c_i c_o + [turn_io]_x, v c_i], [v c_o, 0]]

    ``f``, ``c``: 3 x 4 numbers, point after point; ``turns``: 3 x 6, of the pairs i < o; ``same``: 10; ``factors``: ff, fc, cc, v.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = _data(context, builder, signature.args[0], arguments[0])
        array = context.make_array(signature.args[1])(context, builder, arguments[1])
        first = builder.shl(arguments[2], ir.Constant(_INT, 4))
        f_, c_, turns_, same_, (ff, fc, cc, v) = (cgutils.unpack_tuple(builder, a) for a in arguments[3:])

        def four(values: list[Any], last: Any) -> Any:
            vector = ir.Constant(_FOUR, ir.Undefined)
            for k, value in enumerate([*values, last]):
                vector = builder.insert_element(vector, value, ir.Constant(_INDEX, k))
            return vector

        def plus(total: Any, a: Any, b: Any) -> Any:
            return builder.fadd(total, builder.fmul(a, b, flags=("contract",)), flags=("contract",))

        def all_(value: Any, width: int) -> Any:
            return _pick(builder, four([value] * 3, value), [0] * width)

        zero = ir.Constant(_FLOAT, 0.0)
        in_rows, in_columns = [0, 1, 2, 3] * 4, [k // 4 for k in range(16)]
        last_row = ir.Constant(_SIXTEEN, [float(k % 4 == 3 and k < 12) for k in range(16)])
        unit = ir.Constant(_SIXTEEN, [float(k in (0, 5, 10)) for k in range(16)])
        signs = ir.Constant(_SIXTEEN, _SIGNS)
        fs, cs = ([four(a[3 * i : 3 * i + 3], zero) for i in range(4)] for a in (f_, c_))
        rows_f, rows_c = ([_pick(builder, a, in_rows) for a in of] for of in (fs, cs))
        columns_f, columns_c, below = [], [], []
        for a, b in zip(fs, cs, strict=True):
            mixed = plus(builder.fmul(all_(fc, 4), a), all_(cc, 4), b)
            columns_f.append(_pick(builder, plus(builder.fmul(all_(ff, 4), a), all_(fc, 4), b), in_columns))
            columns_c.append(_pick(builder, builder.insert_element(mixed, v, ir.Constant(_INDEX, 3)), in_columns))
            below.append(builder.fmul(_pick(builder, builder.fmul(all_(v, 4), b), in_columns), last_row))
        turned = 0
        for k, (i, o) in enumerate(PAIRS):
            block = plus(plus(below[o], rows_f[i], columns_f[o]), rows_c[i], columns_c[o])
            block = plus(block, all_(same_[k], 16), unit)
            if i < o:
                turn = four(turns_[3 * turned : 3 * turned + 3], zero)
                block = plus(block, _pick(builder, turn, _CROSS), signs)
                turned += 1
            where = builder.load(builder.gep(array.data, [builder.add(first, ir.Constant(_INT, 4 * i + o))]))
            place = builder.shl(builder.sext(where, _INT), ir.Constant(_INT, 4))
            old = _load(builder, data, place, _SIXTEEN)
            to = builder.bitcast(builder.gep(data, [place]), _SIXTEEN.as_pointer())
            builder.store(builder.fadd(old, block), to, align=4)
        return context.get_dummy_value()

    def floats(count: int) -> Any:
        return types.UniTuple(types.float32, count)

    return types.void(blocks, places, types.int64, floats(12), floats(12), floats(18), floats(10), floats(4)), generate


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
