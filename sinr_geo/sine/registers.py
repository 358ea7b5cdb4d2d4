"""Products of small matrices in the vector registers of a CPU, as intrinsics of numba.

A layer multiplies some 36 features by some 36 weights at hundreds of slots. Libraries are made for
larger matrices, and a loop of numba forgets its sums in memory; here a tile of the result stays in
registers until it is done. Import it only where numba is installed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import njit, types
from numba.core.errors import TypingError
from numba.extending import intrinsic
from numpy.typing import NDArray

__all__ = ["LANES", "outer", "product"]

_Array = NDArray[Any]
_Tile = Callable[..., None]

_features = get_host_cpu_features()
LANES = 16 if _features.get("avx512f") else 8 if _features.get("avx") else 4
"""float32 numbers of a vector register; rows must be a multiple of it long."""

_ROWS, _SOME = (6 if LANES == 8 else 12), 4
_ACROSS, _DOWN = (3, 3) if LANES == 8 else (6, 4)

_INT, _FLOAT = ir.IntType(64), ir.FloatType()
_BYTES = ir.IntType(8).as_pointer()
_VECTOR = ir.VectorType(_FLOAT, LANES)
_NOTHING = ir.Constant(_VECTOR, [0.0] * LANES)


class _Matrix:
    """A matrix of float32 inside a function that is being compiled."""

    def __init__(self, context: Any, builder: Any, kind: Any, value: Any) -> None:
        array = context.make_array(kind)(context, builder, value)
        self._builder, self._start = builder, builder.bitcast(array.data, _BYTES)
        self._strides = _pair(builder, array.strides)
        self.rows, self.columns = _pair(builder, array.shape)

    def at(self, row: Any, column: Any, kind: Any = _VECTOR) -> Any:
        """Point to an element."""
        there = [
            self._builder.mul(index, stride)
            for index, stride in zip((row, column), self._strides, strict=True)
        ]
        place = self._builder.gep(self._start, [self._builder.add(*there)])
        return self._builder.bitcast(place, kind.as_pointer())

    def vector(self, row: Any, column: Any) -> Any:
        """Load a vector along a row."""
        loaded = self._builder.load(self.at(row, column))
        loaded.align = 4
        return loaded

    def put(self, row: Any, column: Any, vector: Any) -> None:
        """Store a vector along a row."""
        self._builder.store(vector, self.at(row, column)).align = 4

    def repeated(self, row: Any, column: Any) -> Any:
        """Load an element into all lanes."""
        lane = ir.IntType(32)
        undefined = ir.Constant(_VECTOR, ir.Undefined)
        number = self._builder.load(self.at(row, column, _FLOAT))
        first = self._builder.insert_element(undefined, number, ir.Constant(lane, 0))
        all_first = ir.Constant(ir.VectorType(lane, LANES), [0] * LANES)
        return self._builder.shuffle_vector(first, undefined, all_first)


def _pair(builder: Any, numbers: Any) -> tuple[Any, Any]:
    return builder.extract_value(numbers, 0), builder.extract_value(numbers, 1)


def _intrinsic(builder: Any, name: str, result: Any, arguments: Sequence[Any]) -> Any:
    """Return a function that LLVM has for vectors of this length."""
    kind = ir.FunctionType(result, arguments)
    module = builder.module
    found = module.globals.get(f"llvm.{name}.v{LANES}f32")
    return found or ir.Function(module, kind, f"llvm.{name}.v{LANES}f32")


def _summed(
    builder: Any, end: Any, step: int, sums: int, terms: Callable[[Any], list[tuple[Any, Any]]]
) -> list[Any]:
    """Add up products of vectors, all sums in registers, over 0, step, ... below `end` > 0."""
    before = builder.block
    inside, after = (builder.function.append_basic_block() for _ in range(2))
    builder.branch(inside)
    builder.position_at_end(inside)
    index = builder.phi(_INT)
    index.add_incoming(ir.Constant(_INT, 0), before)
    old = [builder.phi(_VECTOR) for _ in range(sums)]
    fused = _intrinsic(builder, "fmuladd", _VECTOR, [_VECTOR] * 3)
    pairs = zip(terms(index), old, strict=True)
    new = [builder.call(fused, [left, right, total]) for (left, right), total in pairs]
    following = builder.add(index, ir.Constant(_INT, step))
    index.add_incoming(following, inside)
    for total, grown in zip(old, new, strict=True):
        total.add_incoming(_NOTHING, before)
        total.add_incoming(grown, inside)
    builder.cbranch(builder.icmp_signed("<", following, end), inside, after)
    builder.position_at_end(after)
    return new


def _from(builder: Any, start: Any, count: int, step: int = 1) -> list[Any]:
    return [builder.add(start, ir.Constant(_INT, step * i)) for i in range(count)]


def _compiled(generate: Callable[..., None]) -> _Tile:
    """Make an intrinsic of a generator of (builder, out, left, right, row, column)."""

    @intrinsic
    def tile(typing: Any, out: Any, left: Any, right: Any, row: Any, column: Any) -> Any:
        if {kind.dtype for kind in (out, left, right)} != {types.float32}:
            raise TypingError("products in registers are of float32 numbers")
        if (out.layout, right.layout) != ("C", "C"):
            raise TypingError("rows of a product in registers must be contiguous")

        def code(context: Any, builder: Any, signature: Any, values: Sequence[Any]) -> Any:
            matrices = [
                _Matrix(context, builder, kind, value)
                for kind, value in zip(signature.args[:3], values[:3], strict=True)
            ]
            generate(builder, *matrices, *values[3:])
            return context.get_dummy_value()

        return types.void(out, left, right, types.int64, types.int64), code

    return tile


def _product_tile(rows: int, vectors: int) -> _Tile:
    """Make a tile of so many rows and vectors of left right, (J, K) by (K, P)."""

    def generate(b: Any, out: _Matrix, left: _Matrix, right: _Matrix, j: Any, p: Any) -> None:
        across, down = _from(b, p, vectors, LANES), _from(b, j, rows)

        def terms(k: Any) -> list[tuple[Any, Any]]:
            vector = [right.vector(k, place) for place in across]
            return [(weight, v) for r in down for weight in [left.repeated(r, k)] for v in vector]

        sums = iter(_summed(b, right.rows, 1, rows * vectors, terms))
        for r in down:
            for place in across:
                out.put(r, place, next(sums))

    return _compiled(generate)


def _outer_tile(rows: int, columns: int) -> _Tile:
    """Make a tile of so many rows and columns of left right', (K, P) by (P, J)."""

    def generate(b: Any, out: _Matrix, left: _Matrix, right: _Matrix, k: Any, j: Any) -> None:
        down, across = _from(b, k, rows), _from(b, j, columns)
        total = _intrinsic(b, "vector.reduce.fadd", _FLOAT, [_FLOAT, _VECTOR])

        def terms(p: Any) -> list[tuple[Any, Any]]:
            vector = [right.vector(c, p) for c in across]
            return [(row, v) for r in down for row in [left.vector(r, p)] for v in vector]

        sums = iter(_summed(b, left.columns, LANES, rows * columns, terms))
        for r in down:
            for c in across:
                number = b.call(
                    total, [ir.Constant(_FLOAT, 0.0), next(sums)], fastmath=("reassoc",)
                )
                b.store(number, out.at(r, c, _FLOAT))

    return _compiled(generate)


_many_wide, _many = _product_tile(_ROWS, 2), _product_tile(_ROWS, 1)
_some_wide, _some = _product_tile(_SOME, 2), _product_tile(_SOME, 1)
_one_wide, _one = _product_tile(1, 2), _product_tile(1, 1)
_square, _wide = _outer_tile(_DOWN, _ACROSS), _outer_tile(1, _ACROSS)
_tall, _single = _outer_tile(_DOWN, 1), _outer_tile(1, 1)

_jit = njit(cache=True, nogil=True, error_model="numpy")


@_jit
def product(out: _Array, weight: _Array, z: _Array) -> None:
    """Write weight z, (J, K) by (K, P), over out (J, P); P > 0 is a multiple of `LANES`.

    Rows of out and z are contiguous. The last tile of a side may begin inside the one before and
    write the same numbers again.
    """
    rows, slots = out.shape
    p = 0
    while p < slots:
        wide = slots - p >= 2 * LANES
        j = 0
        while j < rows:
            if rows >= _ROWS:
                j = min(j, rows - _ROWS)
                if wide:
                    _many_wide(out, weight, z, j, p)
                else:
                    _many(out, weight, z, j, p)
                j += _ROWS
            elif rows >= _SOME:
                j = min(j, rows - _SOME)
                if wide:
                    _some_wide(out, weight, z, j, p)
                else:
                    _some(out, weight, z, j, p)
                j += _SOME
            else:
                if wide:
                    _one_wide(out, weight, z, j, p)
                else:
                    _one(out, weight, z, j, p)
                j += 1
        p += 2 * LANES if wide else LANES


@_jit
def outer(out: _Array, x: _Array, y: _Array) -> None:
    """Write x y', (K, P) by (P, J), over out (K, J); P > 0 is a multiple of `LANES`."""
    rows, columns = out.shape
    k = 0
    while k < rows:
        tall = rows >= _DOWN
        k = min(k, rows - _DOWN) if tall else k
        j = 0
        while j < columns:
            wide = columns >= _ACROSS
            j = min(j, columns - _ACROSS) if wide else j
            if tall and wide:
                _square(out, x, y, k, j)
            elif tall:
                _tall(out, x, y, k, j)
            elif wide:
                _wide(out, x, y, k, j)
            else:
                _single(out, x, y, k, j)
            j += _ACROSS if wide else 1
        k += _DOWN if tall else 1
