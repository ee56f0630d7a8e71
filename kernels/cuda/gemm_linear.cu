// linear: out (M, K) = activation(x (M, C) @ weight^T (C, K) + bias), for products so small that launches take longer than
// arithmetic; larger ones go to cuBLAS, with bias and activation after it.
//
// TILE is Tile32x32 of gemm_tile.cuh, TILE_THREADS its number of threads: small tiles, for many multiprocessors to take
// part, and long steps of the depth, for few waits on memory.
#include "gemm_load.cuh"
#include "gemm_store.cuh"

using Shape = TILE;
static_assert(TILE_THREADS == Shape::threads, "TILE_THREADS is that of the tile");

// Blocks: x runs over the tiles, those of the same rows one after another. Bytes moved: x once for each COLUMNS outputs,
// the weights once for each ROWS rows, out once, by two columns at a time, which a thread has side by side.
// registers: 80 where SCALAR=float,half_t
// registers: 128
// vector: 128 loads except 8 where SCALAR=float,double
extern "C" __global__ void __launch_bounds__(TILE_THREADS, Shape::blocks)
    linear_forward(const SCALAR* __restrict__ x, const SCALAR* __restrict__ weight, const SCALAR* __restrict__ bias,
                   SCALAR* __restrict__ out, int rows, int inputs, int outputs, int activation, REAL alpha) {
    __shared__ Buffers<Shape> buffers;
    const Position at = position();
    const int column_tiles = ceil_divide(outputs, Shape::columns);
    const int row0 = at.x / column_tiles * Shape::rows, column0 = at.x % column_tiles * Shape::columns;
    const bool vector = inputs % QUAD == 0 && is_quad_aligned(x) && is_quad_aligned(weight);
    AlongDepth<Shape, Shape::rows> a(x, static_cast<INDEX>(row0) * inputs, inputs, rows - row0, inputs, vector);
    AlongDepth<Shape, Shape::columns> b(weight, static_cast<INDEX>(column0) * inputs, inputs, outputs - column0, inputs,
                                        vector);
    Product<Shape> product;
    multiply(buffers, a, b, steps_of<Shape::depth>(inputs), product);

    const Place<Shape> own(at.thread);
    Columns<Shape> columns;
    columns.vector = outputs % Place<Shape>::column_run == 0 && is_quad_aligned(out);
#pragma unroll
    for (int j = 0; j < Shape::micro_columns; ++j) {
        const int column = column0 + own.column(j);
        columns.offsets[j] = column < outputs ? column : -1;
        const REAL added = bias && column < outputs ? to_real(bias[column]) : REAL(0);
#pragma unroll
        for (int i = 0; i < Shape::micro_rows; ++i) product.sums[i][j] += added;
    }
    store(own, RowsOfProduct<Shape>{product}, out + static_cast<INDEX>(row0) * outputs, columns, outputs, rows - row0,
          nullptr, activation, alpha);
}
