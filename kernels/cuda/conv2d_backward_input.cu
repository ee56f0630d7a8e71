// The gradient of conv2d for its input: out (N, C, H, W) from grad (N, K, P, Q) and weight (K, C/groups, R, S)
//
// For each group and phase (conv2d_phase.cuh) a matrix product of the weights (C/groups, K/groups*taps) with what the
// phase's taps see of grad (K/groups*taps, pixels), gathered as in the forward. The weights lie in memory the other way
// around. The tiles for a handful of channels pick them up one by one from a table of offsets, so that the gradient is
// one launch; for the larger tiles, conv2d_pack_weights.cu first brings them into an order that is read 16 bytes at a time.
//
// TILE is a Tile of gemm_tile.cuh, TILE_THREADS its number of threads; see conv2d_forward.cu for the choice.
#include "conv2d_phase.cuh"
#include "gemm_store.cuh"

using Shape = TILE;
static_assert(TILE_THREADS == Shape::threads, "TILE_THREADS is that of the tile");

// Weights picked up by a table: element (row, k) at row * pitch + offsets[k], in the periods of a Cursor. Neighbouring
// threads take neighbouring k, which lie side by side for the taps of one output channel.
template <class T, int LENGTH>
struct ByTable {
    static constexpr int step = T::threads / T::depth, passes = LENGTH / step;
    static_assert(T::threads % T::depth == 0 && LENGTH % step == 0, "threads take whole steps");
    const INDEX* table;
    const SCALAR* rows[passes];
    INDEX period;
    Cursor<T::depth> cursor;
    int k, row, head;
    REAL values[passes];

    __device__ __forceinline__ ByTable(const SCALAR* matrix, INDEX pitch, int count, const INDEX* table, int taps,
                                       int depth, INDEX period)
        : table(table), period(period), cursor(taps), head(head_of<T::depth>(depth)) {
        k = static_cast<int>(threadIdx.x) % T::depth;
        row = static_cast<int>(threadIdx.x) / T::depth;
#pragma unroll
        for (int v = 0; v < passes; ++v) rows[v] = matrix + smaller_of(row + v * step, count - 1) * pitch;
    }
    __device__ __forceinline__ void fetch_head() {
#pragma unroll
        for (int v = 0; v < passes; ++v) values[v] = k < head ? to_real(rows[v][table[k]]) : REAL(0);
    }
    __device__ __forceinline__ void fetch() {
        const INDEX offset = table[cursor.row + k];
        const bool ends = cursor.advance();
#pragma unroll
        for (int v = 0; v < passes; ++v) {
            values[v] = to_real(rows[v][offset]);
            if (ends) rows[v] += period;
        }
    }
    __device__ __forceinline__ void stash(REAL (&to)[T::depth][LENGTH + QUAD]) const {
#pragma unroll
        for (int v = 0; v < passes; ++v) to[k][row + v * step] = values[v];
    }
};

// The part of the result that a block computes: some channels of some pixels of one phase of one group.
struct Part {
    int group, phase, phase_row, phase_column, row0;
    int phase_width;
    INDEX phase_plane, pixels, column0;  // column0 >= pixels: nothing, the grid is as large as the largest phase needs

    __device__ __forceinline__ Part(Position at, int images, int channels, int height, int width, int stride_height,
                                    int stride_width) {
        group = at.z;
        phase = at.y;
        phase_row = phase / stride_width;
        phase_column = phase % stride_width;
        phase_width = (width - phase_column + stride_width - 1) / stride_width;
        phase_plane = static_cast<INDEX>((height - phase_row + stride_height - 1) / stride_height) * phase_width;
        pixels = images * phase_plane;
        const int row_tiles = ceil_divide(channels, Shape::rows);
        row0 = at.x % row_tiles * Shape::rows;
        column0 = static_cast<INDEX>(at.x / row_tiles) * Shape::columns;
    }
};

// Blocks: x runs over the tiles as in the forward, y over the phases, z over the groups. `images` images; `weight` is
// what conv2d_pack_weights made, with that `pitch`, or the weights as they are where the pitch is 0. Dynamic shared
// memory: the table of taps and, for weights as they are, that of their offsets. Bytes moved: grad once for each ROWS
// input channels, mostly from the cache, the weights once for each COLUMNS pixels, out once.
// registers: 168 where TILE=Tile64x128
// registers: 128
// ffma: 78% where TILE=Tile128x128,Tile64x128
// ahead: 128 where TILE=Tile128x128,Tile64x128
// lds: 128 except 16 where TILE=Tile128x128,Tile64x128
// vector: 128 except 16 where TILE=Tile128x128,Tile64x128
extern "C" __global__ void __launch_bounds__(TILE_THREADS, Shape::blocks)
    conv2d_backward_input(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ weight,
                          SCALAR* __restrict__ out, int images, int channels, int height, int width, int kernels,
                          int kernel_height, int kernel_width, int out_height, int out_width, int stride_height,
                          int stride_width, int top, int left, int dilation_height, int dilation_width,
                          int tap_step_height, int tap_step_width, int most_taps, int pitch) {
    extern __shared__ Tap taps[];
    __shared__ Buffers<Shape> buffers;
    Product<Shape> product;
    {
        const Part part(position(), images, channels, height, width, stride_height, stride_width);
        if (part.column0 >= part.pixels) return;
        const Phases phases{
            Phase(part.phase_row, kernel_height, stride_height, top, dilation_height, tap_step_height),
            Phase(part.phase_column, kernel_width, stride_width, left, dilation_width, tap_step_width)};
        const int depth = kernels * phases.taps();
        if (depth > 0) {
            // (depth, pixels)
            const TapGrid grid = phases.grid();
            const INDEX out_plane = static_cast<INDEX>(out_height) * out_width;
            write_taps<Shape>(taps, depth, grid, out_width, out_plane);
            const INDEX pixel = part.column0 + Gather<Shape>::own_column();
            const INDEX image = pixel / part.phase_plane, place = pixel % part.phase_plane;
            const int p = static_cast<int>(place / part.phase_width) + phases.rows.place;
            const int q = static_cast<int>(place % part.phase_width) + phases.columns.place;
            const SCALAR* const origin = grad +
                                         (image * static_cast<int>(gridDim.z) + part.group) * kernels * out_plane +
                                         p * static_cast<INDEX>(out_width) + q;
            const unsigned inside = pixel < part.pixels ? inside_bits(grid, p, q, out_height, out_width) : 0;
            Gather<Shape> b(taps, phases.taps(), origin, inside, out_plane);

            // (C/groups, depth)
            const int steps = steps_of<Shape::depth>(depth);
            if constexpr (Shape::rows >= 64) {
                const INDEX phase_size = static_cast<INDEX>(kernels) * most_taps * pitch;
                const INDEX first = (part.group * static_cast<INDEX>(gridDim.y) + part.phase) * phase_size + part.row0;
                using Loader = AcrossDepth<Shape, Shape::rows>;
                Loader a(weight, first + Loader::first_column(), pitch, depth);
                __syncthreads();
                multiply(buffers, a, b, steps, product);
            } else {
                const INDEX kernel_plane = kernel_height * kernel_width, kernel_size = channels * kernel_plane;
                const int entries = Cursor<Shape::depth>::entries(depth, phases.taps());
                INDEX* const offsets = reinterpret_cast<INDEX*>(taps + entries);
                for (int i = static_cast<int>(threadIdx.x); i < entries; i += Shape::threads) {
                    const int element = Cursor<Shape::depth>::element(i, depth);
                    if (element >= 0) {
                        offsets[i] = element / phases.taps() * kernel_size +
                                     phases.in_kernel(element % phases.taps(), kernel_width);
                    }
                }
                const SCALAR* const rows =
                    weight + (static_cast<INDEX>(part.group) * kernels * channels + part.row0) * kernel_plane;
                ByTable<Shape, Shape::rows> a(rows, kernel_plane, channels - part.row0, offsets, phases.taps(), depth,
                                              Shape::depth * kernel_size);
                __syncthreads();
                multiply(buffers, a, b, steps, product);
            }
        }
    }

    const Position at = position_again();
    const Part part(at, images, channels, again_cuda_13(height), width, stride_height, stride_width);
    const Place<Shape> own(at.thread);
    const INDEX plane = static_cast<INDEX>(height) * width;
    Columns<Shape> columns;
    columns.vector = stride_height == 1 && stride_width == 1 && plane % QUAD == 0 && is_quad_aligned(out);
#pragma unroll
    for (int j = 0; j < Shape::micro_columns; ++j) {
        const INDEX pixel = part.column0 + own.column(j);
        const INDEX image = pixel / part.phase_plane, place = pixel % part.phase_plane;
        const INDEX h = place / part.phase_width * stride_height + part.phase_row;
        const INDEX w = place % part.phase_width * stride_width + part.phase_column;
        columns.offsets[j] =
            pixel < part.pixels ? image * static_cast<int>(gridDim.z) * channels * plane + h * width + w : -1;
    }
    store(own, RowsOfProduct<Shape>{product}, out + (static_cast<INDEX>(part.group) * channels + part.row0) * plane,
          columns, plane, channels - part.row0, nullptr, activation_identity, REAL(0));
}
