// The gradient of conv2d for its weights: out (K, C/groups, R, S) from grad (N, K, P, Q) and x (N, C, H, W)
//
// For each group a matrix product of the gradient (K/groups, N*P*Q) with what the pixels see of x (N*P*Q,
// C/groups*R*S), gathered as it is needed. The result is small and the depth, all output pixels, is long, so several
// blocks share the depth of one tile; the last of them sums what they have, in a fixed order: see SplitSum in gemm_store.cuh.
//
// TILE is a Tile of gemm_tile.cuh, TILE_THREADS its number of threads; see conv2d_forward.cu for the choice.
#include "conv2d_taps.cuh"
#include "gemm_store.cuh"

using Shape = TILE;
static_assert(TILE_THREADS == Shape::threads, "TILE_THREADS is that of the tile");

// How many pixels the block looks up at a time.
constexpr int CHUNK = 512;
static_assert(CHUNK % Shape::depth == 0, "a chunk is whole steps");

// What the block knows of a chunk of output pixels: where they lie in grad, where their origins lie in x, and which
// rows and columns of taps are outside of the image there.
struct Pixels {
    alignas(16) INDEX in_grad[CHUNK];
    Tap in_x[CHUNK];
};

// Output pixels down the depth, and across it what they see of the image through each channel and tap. A thread takes
// one pixel and several columns: neighbours neighbouring pixels, which at stride 1 lie side by side in the image.
template <class T>
struct Patches {
    static constexpr int step = T::threads / T::depth, passes = T::columns / step;
    static_assert(T::threads % T::depth == 0 && T::columns % step == 0, "threads take whole steps");
    const Tap *taps, *pixel;
    const SCALAR* images;
    int k, column;
    REAL values[passes];

    // `taps`: of the tile's columns.
    __device__ __forceinline__ Patches(const Tap* taps, const SCALAR* images) : taps(taps), images(images) {
        k = static_cast<int>(threadIdx.x) % T::depth;
        column = static_cast<int>(threadIdx.x) / T::depth;
        this->taps += column;
    }
    // The next steps are those of this table. The pixels that a first step lacks have all taps outside.
    __device__ __forceinline__ void start(const Tap* table) { pixel = table + k; }
    __device__ __forceinline__ void fetch_head() { fetch(); }
    __device__ __forceinline__ void fetch() {
        const Tap at = *pixel;
        pixel += T::depth;
#pragma unroll
        for (int v = 0; v < passes; ++v) {
            const Tap tap = taps[v * step];
            values[v] = 0;
            if ((tap.bits & at.bits) == 0) values[v] = to_real(images[at.offset + tap.offset]);
        }
    }
    __device__ __forceinline__ void stash(REAL (&to)[T::depth][T::columns + QUAD]) const {
#pragma unroll
        for (int v = 0; v < passes; ++v) to[k][column + v * step] = values[v];
    }
};

// The part of the result that a block computes, from some of the pixels.
struct Part {
    int group, row0, column0, split;

    __device__ __forceinline__ Part(Position at, int kernels) {
        const int row_tiles = ceil_divide(kernels, Shape::rows);
        group = at.z;
        split = at.y;
        row0 = at.x % row_tiles * Shape::rows;
        column0 = at.x / row_tiles * Shape::columns;
    }
};

// Blocks: x runs over the tiles, y over the splits of the depth, z over the groups. `partials` has a tile for each
// block, `tickets` for each tile one number for each cluster of splits and one more; both are null where splits is 1.
// Bytes moved: grad once for each COLUMNS channels and taps, x once for each ROWS output channels, mostly from the
// cache, and the partial sums once out and once in.
// registers: 168 where TILE=Tile64x128
// registers: 128
// ffma: 78% where TILE=Tile128x128,Tile64x128
// ahead: 128 where TILE=Tile128x128,Tile64x128
// lds: 128 except 24 where TILE=Tile128x128,Tile64x128
// vector: 128 except 32 where TILE=Tile128x128,Tile64x128
extern "C" __global__ void __launch_bounds__(TILE_THREADS, Shape::blocks)
    conv2d_backward_weight(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ x, SCALAR* __restrict__ out,
                           REAL* partials, unsigned* tickets, INDEX pixels, int channels, int height, int width,
                           int kernels, int kernel_height, int kernel_width, int out_width, int stride_height,
                           int stride_width, int top, int left, int dilation_height, int dilation_width, INDEX plane,
                           INDEX out_plane, INDEX x_image, INDEX grad_image, unsigned plane_magic, int plane_shift,
                           unsigned line_magic, int line_shift, int cluster_size) {
    __shared__ Tap taps[Shape::columns];
    __shared__ Pixels chunk;
    __shared__ Buffers<Shape> buffers;
    Product<Shape> product;
    {
        const int splits = static_cast<int>(gridDim.y), pitch = channels * kernel_height * kernel_width;
        const Part part(position(), kernels);
        const TapGrid grid{kernel_height, kernel_width, dilation_height, dilation_width};
        for (int i = static_cast<int>(threadIdx.x); i < Shape::columns; i += Shape::threads) {
            taps[i] = part.column0 + i < pitch ? tap_at(part.column0 + i, grid, width, plane) : Tap{0, NO_TAP};
        }

        // This split's pixels: whole steps, as many as the others' but for the last split's.
        const INDEX length = static_cast<INDEX>(ceil_divide(steps_of<Shape::depth>(pixels), splits)) * Shape::depth;
        const INDEX end = (part.split + 1) * length < pixels ? (part.split + 1) * length : pixels;

        // (K/groups, pixels) and (pixels, C/groups*R*S)
        PixelsAlongDepth<Shape, Shape::rows> a(
            grad, (static_cast<INDEX>(part.group) * kernels + part.row0) * out_plane, out_plane, kernels - part.row0,
            out_plane % QUAD == 0 && is_quad_aligned(grad));
        Patches<Shape> b(taps, x);
        for (INDEX begin = part.split * length; begin < end;) {
            const int head = head_of<Shape::depth>(end - begin), missing = Shape::depth - head;
            const int count = end - begin + missing < CHUNK ? static_cast<int>(end - begin) + missing : CHUNK;
            // The last chunk has been read: after what it fetches, `multiply` has a barrier.
#pragma unroll 1
            for (int i = static_cast<int>(threadIdx.x); i < count; i += Shape::threads) {
                // The first step has `head` pixels, then nothing.
                const bool here = i < head || i >= Shape::depth;
                const INDEX pixel = begin + (here ? i < head ? i : i - missing : 0);
                const INDEX n = divide<INDEX>(pixel, out_plane, plane_magic, plane_shift);
                const INDEX place = pixel - n * out_plane;
                const INDEX p = divide<INDEX>(place, out_width, line_magic, line_shift), q = place - p * out_width;
                const int h = static_cast<int>(p) * stride_height - top, w = static_cast<int>(q) * stride_width - left;
                chunk.in_grad[i] = n * grad_image + place;
                chunk.in_x[i] = Tap{n * x_image + part.group * channels * plane + h * static_cast<INDEX>(width) + w,
                                    here ? ~inside_bits(grid, h, w, height, width) : ~0u};
            }
            __syncthreads();
            a.start(chunk.in_grad, head);
            b.start(chunk.in_x);
            multiply(buffers, a, b, count / Shape::depth, product);
            begin += count - missing;
        }
    }

    const Position at = position_again();
    const int splits = again(static_cast<int>(gridDim.y)), pitch = again(channels) * kernel_height * kernel_width;
    const Part part(at, again(kernels));
    const Place<Shape> own(at.thread);
    Columns<Shape> columns;
    columns.vector = pitch % QUAD == 0 && is_quad_aligned(out);
#pragma unroll
    for (int j = 0; j < Shape::micro_columns; ++j) {
        const int column = part.column0 + own.column(j);
        columns.offsets[j] = column < pitch ? column : -1;
    }
    SCALAR* const rows = out + (static_cast<INDEX>(part.group) * kernels + part.row0) * pitch;
    if (splits == 1) {
        store(own, RowsOfProduct<Shape>{product}, rows, columns, pitch, kernels - part.row0, nullptr,
              activation_identity, REAL(0));
        return;
    }
    SplitSum<Shape> sum{partials, tickets, part.split, splits, cluster_size};
    sum.select(part.group * static_cast<int>(gridDim.x) + at.x);
    if (!sum.add(product)) return;
    store(own, sum.rows(), rows, columns, pitch, kernels - part.row0, nullptr, activation_identity, REAL(0));
}
