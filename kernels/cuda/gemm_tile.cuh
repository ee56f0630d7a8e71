// Matrix products by tiles, which the convolutions and linear_forward are made of:
//
//     sums (ROWS, COLUMNS) += a (ROWS, depth) @ b (depth, COLUMNS)
//
// A block computes one tile of ROWS x COLUMNS sums and walks along the depth in steps of DEPTH. It holds both operands
// of a step in shared memory, twice: while all threads multiply from one copy, the numbers of the next step are on
// their way from global memory to registers, and then go into the other copy. That is one barrier a step.
//
// A thread keeps MICRO_ROWS x MICRO_COLUMNS sums in registers. At 8x8 it reads 16 numbers, in four 16-byte reads, for
// 64 multiply-adds, so that shared memory keeps up with the arithmetic; at 4x4 it is 8 numbers for 16.
//
// Where the numbers come from is the business of the loaders (gemm_load.cuh, conv2d_taps.cuh), each with
//     fetch_head() the first step: global memory -> registers
//     fetch()      likewise each further step
//     stash(to)    registers -> to[DEPTH][...], one operand of a step in shared memory
// The first step is the one that takes fewer than DEPTH numbers, if the depth is no multiple of it, and zeros for the
// rest; so the others, in the loop, have nothing to test. Rows and columns that a tile has beyond those of the matrix
// may hold anything, for each counts for its own sums alone, and those are not stored.
#pragma once
#include "common.cuh"

// How many numbers one 16-byte access to shared memory moves. The loaders take as many elements at a time.
constexpr int QUAD = 16 / static_cast<int>(sizeof(REAL));

static __device__ __forceinline__ constexpr int smaller_of(int x, int y) { return x < y ? x : y; }
template <class I>
static __device__ __forceinline__ I ceil_divide(I x, I y) { return (x + y - 1) / y; }

// Which thread and block this is.
struct Position {
    int thread, x, y, z;
};
static __device__ __forceinline__ Position position() {
    return Position{static_cast<int>(threadIdx.x), static_cast<int>(blockIdx.x), static_cast<int>(blockIdx.y),
                    static_cast<int>(blockIdx.z)};
}
// The same, read anew: what a kernel needs again after its main loop it derives from this. The compiler would otherwise
// keep it in registers throughout, and beside 8x8 sums there are none to spare.
static __device__ __forceinline__ Position position_again() {
#ifdef __CUSIM__
    return position();
#else
    Position at;
    asm volatile("mov.u32 %0, %%tid.x;" : "=r"(at.thread));
    asm volatile("mov.u32 %0, %%ctaid.x;" : "=r"(at.x));
    asm volatile("mov.u32 %0, %%ctaid.y;" : "=r"(at.y));
    asm volatile("mov.u32 %0, %%ctaid.z;" : "=r"(at.z));
    return at;
#endif
}

// A parameter or a size of the grid as if it were another number, so that what follows from it is not kept, either.
static __device__ __forceinline__ int again(int size) {
#ifndef __CUSIM__
    asm volatile("" : "+r"(size));
#endif
    return size;
}
// The same for the compilers of one CUDA alone: what frees registers with one of them may cost some with the other.
#if defined(__CUDACC_VER_MAJOR__) && __CUDACC_VER_MAJOR__ < 13
static __device__ __forceinline__ int again_cuda_12(int size) { return again(size); }
static __device__ __forceinline__ int again_cuda_13(int size) { return size; }
#else
static __device__ __forceinline__ int again_cuda_12(int size) { return size; }
static __device__ __forceinline__ int again_cuda_13(int size) { return again(size); }
#endif

template <int ROWS, int COLUMNS, int DEPTH, int MICRO_ROWS, int MICRO_COLUMNS>
struct Tile {
    static constexpr int rows = ROWS, columns = COLUMNS, depth = DEPTH;
    static constexpr int micro_rows = MICRO_ROWS, micro_columns = MICRO_COLUMNS;
    static constexpr int thread_rows = ROWS / MICRO_ROWS, thread_columns = COLUMNS / MICRO_COLUMNS;
    static constexpr int threads = thread_rows * thread_columns;
    // Blocks that a multiprocessor is to hold: as many as leave a thread so many registers. Beside 8x8 sums and the next
    // step's numbers, 128 are just enough; blocks of 128 threads can have more, two of 256 cannot.
    static constexpr bool large = MICRO_ROWS * MICRO_COLUMNS == 64;
    static constexpr int registers = large && threads == 128 ? 168
                                     : large || sizeof(REAL) + sizeof(INDEX) > 8 ? 128 : 80;
    static constexpr int blocks = 65536 / (registers * threads);
    static_assert(thread_columns % 8 == 0 && thread_rows % 4 == 0, "a warp takes 4 x 8 threads' sums");
};

// The tiles that are compiled: see where they are chosen, backends/cupy/tiles.py.
using Tile128x128 = Tile<128, 128, 8, 8, 8>;
using Tile64x128 = Tile<64, 128, 8, 8, 8>;
using Tile64x64 = Tile<64, 64, 16, 4, 4>;
using Tile16x64 = Tile<16, 64, 16, 2, 4>;
using Tile32x32 = Tile<32, 32, 32, 2, 2>;

// Both copies of a step's operands. The padding of one quad keeps 16-byte accesses aligned and spreads the numbers of
// one row of a matrix, which the loaders store down a column, over the banks.
template <class T>
struct Buffers {
    struct Copy {
        alignas(16) REAL a[T::depth][T::rows + QUAD];
        alignas(16) REAL b[T::depth][T::columns + QUAD];
    } copies[2];
};

// Which rows and columns of the tile are a thread's: MICRO_ROWS rows in runs of up to a quad, and likewise columns. The
// runs of neighbouring threads are neighbours, so that a warp, 4 x 8 threads, reads whole lines of shared memory.
template <class T>
struct Place {
    static constexpr int row_run = smaller_of(QUAD, T::micro_rows), column_run = smaller_of(QUAD, T::micro_columns);
    int first_row, first_column;

    __device__ __forceinline__ explicit Place(int thread) {
        constexpr int warps_across = T::thread_columns / 8;
        const int warp = thread / 32, lane = thread % 32;
        first_row = (warp / warps_across * 4 + lane / 8) * row_run;
        first_column = (warp % warps_across * 8 + lane % 8) * column_run;
    }
    // The places of the thread's row i and column j in the tile.
    __device__ __forceinline__ int row(int i) const {
        return i / row_run * (row_run * T::thread_rows) + first_row + i % row_run;
    }
    __device__ __forceinline__ int column(int j) const {
        return j / column_run * (column_run * T::thread_columns) + first_column + j % column_run;
    }
};

// The sums of one thread.
template <class T>
struct Product {
    REAL sums[T::micro_rows][T::micro_columns];

    __device__ __forceinline__ Product() {
#pragma unroll
        for (int i = 0; i < T::micro_rows; ++i) {
#pragma unroll
            for (int j = 0; j < T::micro_columns; ++j) sums[i][j] = 0;
        }
    }

    // One step: sums += a^T @ b, both as they lie in shared memory, the depth first.
    __device__ __forceinline__ void add(const REAL (&a)[T::depth][T::rows + QUAD],
                                        const REAL (&b)[T::depth][T::columns + QUAD], const Place<T>& place) {
        constexpr int row_run = Place<T>::row_run, column_run = Place<T>::column_run;
#pragma unroll
        for (int k = 0; k < T::depth; ++k) {
            Pack<REAL, row_run> x[T::micro_rows / row_run];
            Pack<REAL, column_run> y[T::micro_columns / column_run];
#pragma unroll
            for (int i = 0; i < T::micro_rows; i += row_run) x[i / row_run] = load_pack<row_run>(&a[k][place.row(i)]);
#pragma unroll
            for (int j = 0; j < T::micro_columns; j += column_run) {
                y[j / column_run] = load_pack<column_run>(&b[k][place.column(j)]);
            }
#pragma unroll
            for (int i = 0; i < T::micro_rows; ++i) {
#pragma unroll
                for (int j = 0; j < T::micro_columns; ++j) {
                    sums[i][j] += x[i / row_run].values[i % row_run] * y[j / column_run].values[j % column_run];
                }
            }
        }
    }
};

// How many numbers the first step of DEPTH takes, and how many steps there are.
template <int DEPTH, class I>
static __device__ __forceinline__ int head_of(I depth) { return static_cast<int>((depth - 1) % DEPTH) + 1; }
template <int DEPTH, class I>
static __device__ __forceinline__ int steps_of(I depth) { return static_cast<int>((depth + DEPTH - 1) / DEPTH); }

// `steps` steps of the depth, by loaders that stand at the first. B_FIRST: the order in which a step is stored, of no
// consequence but for the registers that compilers then take.
template <bool B_FIRST = false, class T, class A, class B>
static __device__ __forceinline__ void multiply(Buffers<T>& buffers, A& a, B& b, int steps, Product<T>& product) {
    if (steps == 0) return;
    const Place<T> place(position().thread);
    a.fetch_head();
    b.fetch_head();
    int left = steps - 1;  // copy left % 2 is the one to multiply from
    a.stash(buffers.copies[left & 1].a);
    b.stash(buffers.copies[left & 1].b);
    __syncthreads();
#pragma unroll 1
    while (left-- > 0) {
        const int next = left & 1, current = next ^ 1;
        b.fetch();  // both in the same block of code as the product: on their way while it is computed
        a.fetch();
        product.add(buffers.copies[current].a, buffers.copies[current].b, place);
        if (B_FIRST) b.stash(buffers.copies[next].b);
        a.stash(buffers.copies[next].a);
        if (!B_FIRST) b.stash(buffers.copies[next].b);
        __syncthreads();
    }
    product.add(buffers.copies[0].a, buffers.copies[0].b, place);
}
