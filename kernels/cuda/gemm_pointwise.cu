// conv2d with kernels of one tap, stride 1 and no padding: matrix products of the images as they lie in memory
//
//     forward          out[n] (K, pixels)  = activation(weight (K, C) @ x[n] (C, pixels) + bias)
//     backward input   out[n] (C, pixels)  = weight^T (C, K) @ grad[n] (K, pixels)
//     backward weight  out (K, C)          = sum over n of grad[n] (K, pixels) @ x[n]^T (pixels, C)
//
// for each group. The pixels of all images together are the columns (the depth for the weights). Everything is read
// by quads, so the host takes these kernels where an image has a multiple of QUAD pixels (a quad then lies within an
// image), where the weights' rows are a multiple of QUAD long, and where the arrays are aligned.
//
// TILE is a Tile of gemm_tile.cuh, TILE_THREADS its number of threads; see conv2d_forward.cu for the choice.
#include "gemm_load.cuh"
#include "gemm_store.cuh"

using Shape = TILE;
static_assert(TILE_THREADS == Shape::threads, "TILE_THREADS is that of the tile");

// The part of a result (rows, pixels) that a block computes, of which blocks of the same pixels follow one another.
struct Part {
    int group, row0;
    INDEX column0;

    __device__ __forceinline__ Part(Position at, int rows) {
        const int row_tiles = ceil_divide(rows, Shape::rows);
        group = at.y;
        row0 = at.x % row_tiles * Shape::rows;
        column0 = static_cast<INDEX>(at.x / row_tiles) * Shape::columns;
    }
};

using Across = AcrossDepth<Shape, Shape::columns>;

// The thread's quad of the pixels of all images, `channels` of the channels from `first` on down the depth.
static __device__ __forceinline__ Across pixels_across(const SCALAR* images, INDEX column0, INDEX pixels, INDEX plane,
                                                       INDEX image, INDEX first, int channels) {
    INDEX pixel = column0 + Across::first_column();
    if (pixel >= pixels) pixel = pixels - QUAD;  // columns that are not there may hold anything
    const INDEX n = pixel / plane;
    return Across(images, n * image + first * plane + (pixel - n * plane), plane, channels);
}

// out (groups * rows, pixels of one image) of each image: its rows and this thread's columns.
static __device__ __forceinline__ void store_pixels(Product<Shape>& product, SCALAR* __restrict__ out, int rows,
                                                    INDEX pixels, INDEX plane, const SCALAR* __restrict__ bias,
                                                    int activation, REAL alpha) {
    const Position at = position_again();
    const Part part(at, again(rows));
    const Place<Shape> own(at.thread);
    Columns<Shape> columns;
    columns.vector = true;
#pragma unroll
    for (int j = 0; j < Shape::micro_columns; ++j) {
        const INDEX pixel = part.column0 + own.column(j);
        const INDEX n = pixel / plane;
        columns.offsets[j] = pixel < pixels ? n * static_cast<int>(gridDim.y) * rows * plane + (pixel - n * plane) : -1;
    }
    const int first = part.group * rows + part.row0;
    store(own, RowsOfProduct<Shape>{product}, out + first * plane, columns, plane, rows - part.row0,
          bias ? bias + first : bias, activation, alpha);
}

// Blocks: x runs over the tiles, y over the groups. `plane`: pixels of an image, `pixels`: of all. Bytes moved: x once
// for each ROWS output channels, most of that from the cache, the weights once for each COLUMNS pixels, out once.
// registers: 168 where TILE=Tile64x128
// registers: 128
// ffma: 78% where TILE=Tile128x128,Tile64x128
// ahead: 128 where TILE=Tile128x128,Tile64x128
// lds: 128
// vector: 128 stores
extern "C" __global__ void __launch_bounds__(TILE_THREADS, Shape::blocks)
    pointwise_forward(const SCALAR* __restrict__ x, const SCALAR* __restrict__ weight,
                      const SCALAR* __restrict__ bias, SCALAR* __restrict__ out, INDEX pixels, INDEX plane,
                      int channels, int kernels, int activation, REAL alpha) {
    __shared__ Buffers<Shape> buffers;
    Product<Shape> product;
    {
        const Part part(position(), kernels);
        const INDEX first = (static_cast<INDEX>(part.group) * kernels + part.row0) * channels;
        AlongDepth<Shape, Shape::rows> a(weight, first, channels, kernels - part.row0, channels, true);
        Across b = pixels_across(x, part.column0, pixels, plane, static_cast<int>(gridDim.y) * channels * plane,
                                 part.group * channels, channels);
        multiply(buffers, a, b, steps_of<Shape::depth>(channels), product);
    }
    store_pixels(product, out, kernels, pixels, plane, bias, activation, alpha);
}

// As the forward, with the weights read along their other side.
// registers: 168 where TILE=Tile64x128
// registers: 128
// ffma: 78% where TILE=Tile128x128,Tile64x128
// ahead: 128 where TILE=Tile128x128,Tile64x128
// lds: 128
// vector: 128
extern "C" __global__ void __launch_bounds__(TILE_THREADS, Shape::blocks)
    pointwise_backward_input(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ weight,
                             SCALAR* __restrict__ out, INDEX pixels, INDEX plane, int channels, int kernels) {
    __shared__ Buffers<Shape> buffers;
    Product<Shape> product;
    {
        const Part part(position(), channels);
        using Weights = AcrossDepth<Shape, Shape::rows>;
        const int channel = smaller_of(part.row0 + Weights::first_column(), channels - QUAD);
        Weights a(weight, static_cast<INDEX>(part.group) * kernels * channels + channel, channels, kernels);
        Across b = pixels_across(grad, part.column0, pixels, plane, static_cast<int>(gridDim.y) * kernels * plane,
                                 part.group * kernels, kernels);
        multiply(buffers, a, b, steps_of<Shape::depth>(kernels), product);
    }
    store_pixels(product, out, channels, pixels, plane, nullptr, activation_identity, REAL(0));
}

// How many pixels the block looks up at a time, and where they lie in both arrays.
constexpr int CHUNK = 512;
static_assert(CHUNK % Shape::depth == 0, "a chunk is whole steps");
struct Pixels {
    alignas(16) INDEX in_grad[CHUNK], in_x[CHUNK];
};

// Blocks: x runs over the tiles, y over the splits of the pixels, z over the groups; see conv2d_backward_weight for
// these and for `partials`, `tickets` and `cluster_size`. Bytes moved: grad once for each COLUMNS input channels, x once
// for each ROWS output channels, mostly from the cache, and the partial sums once out and once in.
// registers: 168 where TILE=Tile64x128
// registers: 128
// ffma: 78% where TILE=Tile128x128,Tile64x128
// ahead: 128 where TILE=Tile128x128,Tile64x128
extern "C" __global__ void __launch_bounds__(TILE_THREADS, Shape::blocks)
    pointwise_backward_weight(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ x,
                              SCALAR* __restrict__ out, REAL* partials, unsigned* tickets, INDEX pixels, INDEX plane,
                              int channels, int kernels, unsigned plane_magic, int plane_shift, int cluster_size) {
    __shared__ Pixels chunk;
    __shared__ Buffers<Shape> buffers;
    const int groups = static_cast<int>(gridDim.z);
    Product<Shape> product;
    {
        const Position at = position();
        const int splits = static_cast<int>(gridDim.y), row_tiles = ceil_divide(kernels, Shape::rows);
        const int row0 = at.x % row_tiles * Shape::rows, column0 = at.x / row_tiles * Shape::columns;
        const INDEX length = static_cast<INDEX>(ceil_divide(steps_of<Shape::depth>(pixels), splits)) * Shape::depth;
        const INDEX end = (at.y + 1) * length < pixels ? (at.y + 1) * length : pixels;
        PixelsAlongDepth<Shape, Shape::rows> a(grad, (static_cast<INDEX>(at.z) * kernels + row0) * plane, plane,
                                               kernels - row0, true);
        PixelsAlongDepth<Shape, Shape::columns> b(x, (static_cast<INDEX>(at.z) * channels + column0) * plane, plane,
                                                  channels - column0, true);
        for (INDEX begin = at.y * length; begin < end;) {
            const int head = head_of<Shape::depth>(end - begin), missing = Shape::depth - head;
            const int count = end - begin + missing < CHUNK ? static_cast<int>(end - begin) + missing : CHUNK;
            // The last chunk has been read: after what it fetches, `multiply` has a barrier.
#pragma unroll 1
            for (int i = static_cast<int>(threadIdx.x); i < count; i += Shape::threads) {
                // The first step has `head` pixels, then nothing.
                const INDEX pixel = begin + (i < head ? i : i >= Shape::depth ? i - missing : 0);
                const INDEX n = divide<INDEX>(pixel, plane, plane_magic, plane_shift), place = pixel - n * plane;
                chunk.in_grad[i] = n * groups * kernels * plane + place;
                chunk.in_x[i] = n * groups * channels * plane + place;
            }
            __syncthreads();
            a.start(chunk.in_grad, head);
            b.start(chunk.in_x, head);
            multiply(buffers, a, b, count / Shape::depth, product);
            begin += count - missing;
        }
    }

    const Position at = position_again();
    const int splits = static_cast<int>(gridDim.y), row_tiles = ceil_divide(again_cuda_12(kernels), Shape::rows);
    const int row0 = at.x % row_tiles * Shape::rows, column0 = at.x / row_tiles * Shape::columns;
    const Place<Shape> own(at.thread);
    Columns<Shape> columns;
    columns.vector = channels % QUAD == 0 && is_quad_aligned(out);
#pragma unroll
    for (int j = 0; j < Shape::micro_columns; ++j) {
        const int column = column0 + own.column(j);
        columns.offsets[j] = column < channels ? column : -1;
    }
    SCALAR* const rows = out + (static_cast<INDEX>(at.z) * kernels + row0) * channels;
    if (splits == 1) {
        store(own, RowsOfProduct<Shape>{product}, rows, columns, channels, kernels - row0, nullptr,
              activation_identity, REAL(0));
        return;
    }
    SplitSum<Shape> sum{partials, tickets, at.y, splits, cluster_size};
    sum.select(at.z * static_cast<int>(gridDim.x) + at.x);
    if (!sum.add(product)) return;
    store(own, sum.rows(), rows, columns, channels, kernels - row0, nullptr, activation_identity, REAL(0));
}
