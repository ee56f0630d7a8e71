// Loaders of matrices that lie in memory as they are: along the depth, across it, or as the pixels of images.
//
// Each moves a quad of neighbouring elements at a time: in one access where `vector` says that every quad is aligned,
// else one by one.
#pragma once
#include "gemm_tile.cuh"

// Whether quads of SCALAR may be accessed whole at p.
static __device__ __forceinline__ bool is_quad_aligned(const void* p) {
    return reinterpret_cast<unsigned long long>(p) % (QUAD * sizeof(SCALAR)) == 0;
}

using Quad = Pack<REAL, QUAD>;

static __device__ __forceinline__ Quad load_quad(const SCALAR* p) {
    const Pack<SCALAR, QUAD> stored = load_pack<QUAD>(p);
    Quad result;
#pragma unroll
    for (int j = 0; j < QUAD; ++j) result.values[j] = to_real(stored.values[j]);
    return result;
}

// The same, or one by one.
static __device__ __forceinline__ Quad load_quad(const SCALAR* p, bool vector) {
    if (vector) return load_quad(p);
    Quad result;
#pragma unroll
    for (int j = 0; j < QUAD; ++j) result.values[j] = to_real(p[j]);
    return result;
}

// Division by a number that the host knows: n / divisor = (high half of n * magic + n) >> shift, for 0 <= n < 2^31
// (Granlund and Montgomery, 1994). With 64-bit indices, which are slow anyway, the division is the compiler's.
template <class I>
static __device__ __forceinline__ I divide(I n, I divisor, unsigned, int) { return n / divisor; }
template <>
__device__ __forceinline__ int divide(int n, int, unsigned magic, int shift) {
    const unsigned m = static_cast<unsigned>(n);
    return static_cast<int>((__umulhi(m, magic) + m) >> shift);
}

// A matrix whose rows lie along the depth: element (row, k) at row * pitch + k. DEPTH / QUAD neighbouring threads take
// a row of a step; it goes down a column of shared memory.
template <class T, int LENGTH>
struct AlongDepth {
    static constexpr int across = T::depth / QUAD, step = T::threads / across;
    static constexpr int passes = (LENGTH + step - 1) / step;
    const SCALAR* matrix;
    INDEX next[passes];  // offsets, for a pointer would take two registers
    int row, k, head;
    bool vector;
    Quad quads[passes];

    // The tile's first row is at `first`, from where there are `rows` rows; `vector`: pitch and depth are multiples of
    // QUAD, and the matrix is aligned.
    __device__ __forceinline__ AlongDepth(const SCALAR* matrix, INDEX first, INDEX pitch, int rows, int depth,
                                          bool vector)
        : matrix(matrix), head(head_of<T::depth>(depth)), vector(vector) {
        row = static_cast<int>(threadIdx.x) / across;
        k = static_cast<int>(threadIdx.x) % across * QUAD;
#pragma unroll
        for (int v = 0; v < passes; ++v) next[v] = first + smaller_of(row + v * step, rows - 1) * pitch + k;
    }
    __device__ __forceinline__ void fetch_head() {
#pragma unroll
        for (int v = 0; v < passes; ++v) {
#pragma unroll
            for (int j = 0; j < QUAD; ++j) quads[v].values[j] = k + j < head ? to_real(matrix[next[v] + j]) : REAL(0);
            next[v] += head;
        }
    }
    __device__ __forceinline__ void fetch() {
#pragma unroll
        for (int v = 0; v < passes; ++v) {
            quads[v] = load_quad(matrix + next[v], vector);
            next[v] += T::depth;
        }
    }
    __device__ __forceinline__ void stash(REAL (&to)[T::depth][LENGTH + QUAD]) const {
#pragma unroll
        for (int v = 0; v < passes; ++v) {
            if (LENGTH % step != 0 && row + v * step >= LENGTH) break;
#pragma unroll
            for (int j = 0; j < QUAD; ++j) to[k + j][row + v * step] = quads[v].values[j];
        }
    }
};

// A matrix whose rows lie across the depth: element (k, column) at k * pitch + column. LENGTH / QUAD neighbouring
// threads take one k, which goes into shared memory as it is.
template <class T, int LENGTH>
struct AcrossDepth {
    static constexpr int across = LENGTH / QUAD, step = T::threads / across;
    static constexpr int passes = (T::depth + step - 1) / step;
    const SCALAR* matrix;
    INDEX next, pitch;  // an offset, for a pointer would take two registers
    int k, column, head;
    Quad quads[passes];

    // The thread's first column within the tile.
    static __device__ __forceinline__ int first_column() { return static_cast<int>(threadIdx.x) % across * QUAD; }

    // This thread's first column is at `first` for k = 0; pitch and column are multiples of QUAD, the matrix is aligned.
    __device__ __forceinline__ AcrossDepth(const SCALAR* matrix, INDEX first, INDEX pitch, int depth)
        : matrix(matrix), pitch(pitch), head(head_of<T::depth>(depth)) {
        k = static_cast<int>(threadIdx.x) / across;
        column = first_column();
        next = first + k * pitch;
    }
    __device__ __forceinline__ void fetch_head() {
#pragma unroll
        for (int v = 0; v < passes; ++v) {
            quads[v] = Quad{};
            if (k + v * step < head) quads[v] = load_quad(matrix + (next + v * step * pitch));
        }
        next += head * pitch;
    }
    __device__ __forceinline__ void fetch() {
#pragma unroll
        for (int v = 0; v < passes; ++v) {
            if (T::depth % step != 0 && k + v * step >= T::depth) break;
            quads[v] = load_quad(matrix + (next + v * step * pitch));
        }
        next += T::depth * pitch;
    }
    __device__ __forceinline__ void stash(REAL (&to)[T::depth][LENGTH + QUAD]) const {
#pragma unroll
        for (int v = 0; v < passes; ++v) {
            if (T::depth % step != 0 && k + v * step >= T::depth) break;
            store_pack<QUAD>(&to[k + v * step][column], quads[v]);
        }
    }
};

// Images (N, rows, plane) as a matrix with the pixels of all images along the depth: element (row, pixel) at
// row * plane + where pixel 0 of a row is. The block has written that for the pixels to come, `table`, so that the loop
// does not divide by the size of an image. Threads and shared memory as in AlongDepth. Offsets here are from the start
// of the array: the compiler computes a pointer into it anew in every step.
template <class T, int LENGTH>
struct PixelsAlongDepth {
    static constexpr int across = T::depth / QUAD, step = T::threads / across;
    static constexpr int passes = (LENGTH + step - 1) / step;
    const SCALAR* images;
    const INDEX* next;
    INDEX rows[passes];
    int row, k, head;
    bool vector;
    Quad quads[passes];

    // The tile's first row is at `first` in image 0, from where there are `count` rows; `vector`: the table has quads
    // of pixels that lie side by side, aligned.
    __device__ __forceinline__ PixelsAlongDepth(const SCALAR* images, INDEX first, INDEX plane, int count, bool vector)
        : images(images), vector(vector) {
        row = static_cast<int>(threadIdx.x) / across;
        k = static_cast<int>(threadIdx.x) % across * QUAD;
#pragma unroll
        for (int v = 0; v < passes; ++v) rows[v] = first + smaller_of(row + v * step, count - 1) * plane;
    }
    // The next steps are those of this table, the first takes `head` numbers.
    __device__ __forceinline__ void start(const INDEX* table, int head) {
        next = table + k;
        this->head = head;
    }
    __device__ __forceinline__ void fetch_head() {
#pragma unroll
        for (int v = 0; v < passes; ++v) {
#pragma unroll
            for (int j = 0; j < QUAD; ++j) {
                quads[v].values[j] = k + j < head ? to_real(images[rows[v] + next[j]]) : REAL(0);
            }
        }
        next += T::depth;
    }
    __device__ __forceinline__ void fetch() {
#pragma unroll
        for (int v = 0; v < passes; ++v) {
            if (vector) {
                quads[v] = load_quad(images + (rows[v] + next[0]));
            } else {
#pragma unroll
                for (int j = 0; j < QUAD; ++j) quads[v].values[j] = to_real(images[rows[v] + next[j]]);
            }
        }
        next += T::depth;
    }
    __device__ __forceinline__ void stash(REAL (&to)[T::depth][LENGTH + QUAD]) const {
#pragma unroll
        for (int v = 0; v < passes; ++v) {
            if (LENGTH % step != 0 && row + v * step >= LENGTH) break;
#pragma unroll
            for (int j = 0; j < QUAD; ++j) to[k + j][row + v * step] = quads[v].values[j];
        }
    }
};
