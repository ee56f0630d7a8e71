// conv2d: out (N, K, P, Q) = activation(sum over channels and taps of x (N, C, H, W) * weight (K, C/groups, R, S) + bias)
//
// For each group a matrix product of the weights (K/groups, C/groups*R*S), as they lie in memory, with the columns
// that the taps see (C/groups*R*S, N*P*Q), which are gathered as they are needed: see conv2d_taps.cuh.
//
// TILE is a Tile of gemm_tile.cuh, TILE_THREADS its number of threads. 128x128 and 64x128 with 8x8 sums a thread are for
// many output channels or few; 64x64 is for images of so few pixels that larger tiles leave multiprocessors idle; 16x64
// is for a handful of channels, where larger ones would multiply mostly zeros.
#include "conv2d_taps.cuh"
#include "gemm_store.cuh"

using Shape = TILE;
static_assert(TILE_THREADS == Shape::threads, "TILE_THREADS is that of the tile");
// 128x128 reads the weights by quads only, for rows of them whose length is a multiple of QUAD, and aligned: code for
// others would take registers that it does not have.
constexpr bool QUADS_ONLY = Shape::rows == 128;

// The part of the result that a block computes, of which blocks of the same pixels follow one another, so that the image
// is read from the cache by all but the first.
struct Part {
    int group, row0;
    INDEX column0;

    __device__ __forceinline__ Part(Position at, int kernels) {
        const int row_tiles = ceil_divide(kernels, Shape::rows);
        group = at.y;
        row0 = at.x % row_tiles * Shape::rows;
        column0 = static_cast<INDEX>(at.x / row_tiles) * Shape::columns;
    }
};

// Blocks: x runs over the tiles, y over the groups. Dynamic shared memory: the table of taps. Bytes moved: x once for
// each ROWS output channels, most of that from the cache, the weights once for each COLUMNS pixels, out once.
// registers: 168 where TILE=Tile64x128
// registers: 128
// ffma: 78% where TILE=Tile128x128,Tile64x128
// ahead: 128 where TILE=Tile128x128,Tile64x128
// lds: 128 except 16 where TILE=Tile128x128,Tile64x128
// vector: 128 except 24 where TILE=Tile128x128,Tile64x128
extern "C" __global__ void __launch_bounds__(TILE_THREADS, Shape::blocks)
    conv2d_forward(const SCALAR* __restrict__ x, const SCALAR* __restrict__ weight, const SCALAR* __restrict__ bias,
                   SCALAR* __restrict__ out, INDEX pixels, int channels, int height, int width, int kernels,
                   int kernel_height, int kernel_width, int out_height, int out_width, int stride_height,
                   int stride_width, int top, int left, int dilation_height, int dilation_width, int activation,
                   REAL alpha) {
    extern __shared__ Tap taps[];
    __shared__ Buffers<Shape> buffers;
    Product<Shape> product;
    {
        const int groups = static_cast<int>(gridDim.y), depth = channels * kernel_height * kernel_width;
        const INDEX out_plane = static_cast<INDEX>(out_height) * out_width;
        const Part part(position(), kernels);
        const INDEX plane = static_cast<INDEX>(height) * width;
        const TapGrid grid{kernel_height, kernel_width, dilation_height, dilation_width};
        write_taps<Shape>(taps, depth, grid, width, plane);
        __syncthreads();

        // (K/groups, depth) and (depth, N*P*Q)
        const INDEX first = (static_cast<INDEX>(part.group) * kernels + part.row0) * depth;
        AlongDepth<Shape, Shape::rows> a(weight, first, depth, kernels - part.row0, depth,
                                         QUADS_ONLY || (depth % QUAD == 0 && is_quad_aligned(weight)));
        const INDEX pixel = part.column0 + Gather<Shape>::own_column();
        const INDEX image = pixel / out_plane, place = pixel % out_plane;
        const int h = static_cast<int>(place / out_width) * stride_height - top;
        const int w = static_cast<int>(place % out_width) * stride_width - left;
        const SCALAR* const origin =
            x + (image * groups + part.group) * channels * plane + h * static_cast<INDEX>(width) + w;
        const unsigned inside = pixel < pixels ? inside_bits(grid, h, w, height, width) : 0;
        Gather<Shape> b(taps, kernel_height * kernel_width, origin, inside, plane);
        multiply<true>(buffers, a, b, steps_of<Shape::depth>(depth), product);
    }

    const Position at = position_again();
    const int groups = again(static_cast<int>(gridDim.y));
    const INDEX out_plane = static_cast<INDEX>(again(out_height)) * out_width;
    const Part part(at, again(kernels));
    const Place<Shape> own(at.thread);
    Columns<Shape> columns;
    columns.vector = out_plane % QUAD == 0 && is_quad_aligned(out);
#pragma unroll
    for (int j = 0; j < Shape::micro_columns; ++j) {
        const INDEX pixel = part.column0 + own.column(j);
        const INDEX image = pixel / out_plane, place = pixel % out_plane;
        columns.offsets[j] = pixel < pixels ? image * groups * kernels * out_plane + place : -1;
    }
    const int first = part.group * kernels + part.row0;
    store(own, RowsOfProduct<Shape>{product}, out + first * out_plane, columns, out_plane, kernels - part.row0,
          bias ? bias + first : bias, activation, alpha);
}
