// Sums of rows with equal index: out[r] = the sum of values[i] over all i with index[i] == r, added in the order of
// i. This is the backward of integer indexing. The order makes it deterministic, and equal bit for bit to a loop
// over the rows; so there are no atomics, every element of the result belongs to one thread, and it is written once,
// rows without an index included. An index outside 0..size-1 adds to nothing.
//
// Who knows which rows fall on r?
//   scatter_add_scan     a warp looks through the whole index, 32 at a time, for every r: size * rows comparisons. One
//                        launch, for the small cases (class labels) where a launch costs more than the work.
//   scatter_add_sorted   the index comes sorted, in a stable order; the rows that fall on r are a run in it, which
//                        a binary search finds.
//
// The columns are split into vectors of 16 bytes, if `columns` is a multiple of VECTOR and the arrays lie on 16
// bytes, else of one element. Lanes take neighbouring vectors, so a warp reads and writes 512 bytes in a row (a
// narrow row: all of it). Bytes: every row of values once, the result once, and the index.
#include "common.cuh"
#include "exact.cuh"

constexpr int AHEAD = 4;  // rows that a thread has on the way from memory while it adds

// What a thread works on: a row of the result, and its vector of columns. Blocks are (lanes, rows); blockIdx.x counts
// the blocks across the columns first, then down the rows (gridDim.y would end at 65535).
struct Place {
    long long row, column;

    __device__ __forceinline__ Place(long long columns, int vectorized) {
        const long long vectors = vectorized ? columns / VECTOR : columns;
        const long long across = (vectors + blockDim.x - 1) / blockDim.x;
        const long long down = blockIdx.x / across;
        row = down * blockDim.y + threadIdx.y;
        column = ((blockIdx.x - down * across) * blockDim.x + threadIdx.x) * (vectorized ? VECTOR : 1);
    }
};

template <int N>
struct Sums {
    REAL sums[N];

    __device__ __forceinline__ Sums() {
#pragma unroll
        for (int j = 0; j < N; ++j) sums[j] = 0;
    }
    __device__ __forceinline__ void add(const Pack<SCALAR, N>& row) {
#pragma unroll
        for (int j = 0; j < N; ++j) sums[j] = add_rn(sums[j], to_real(row.values[j]));
    }
    __device__ __forceinline__ void store(SCALAR* place) const {
        Pack<SCALAR, N> row;
#pragma unroll
        for (int j = 0; j < N; ++j) row.values[j] = from_real<SCALAR>(sums[j]);
        store_pack(place, row);
    }
};

// --- the whole index for each row of the result -------------------------------------------------

// The sum over all i with index[i] == row, in columns column..column+N-1. A whole warp works on one row; lanes
// beyond the columns help to look.
template <int N>
static __device__ __forceinline__ void scan(
    const SCALAR* values, const long long* index, SCALAR* out, long long rows, long long columns, long long row,
    long long column
) {
    const int lane = threadIdx.x;
    const bool has_column = column < columns;
    Sums<N> sums;
    for (long long start = 0; start < rows; start += 32) {
        const bool hit = start + lane < rows && index[start + lane] == row;
        unsigned hits = __ballot_sync(0xffffffffu, hit);  // of the 32 rows from `start` on, those that fall on `row`
        while (hits != 0) {
            Pack<SCALAR, N> ahead[AHEAD];
            int count = 0;
#pragma unroll
            for (int k = 0; k < AHEAD; ++k) {
                if (hits == 0) continue;
                const long long i = start + __ffs(static_cast<int>(hits)) - 1;
                hits &= hits - 1;
                if (has_column) ahead[k] = load_pack<N>(values + i * columns + column);
                count = k + 1;
            }
#pragma unroll
            for (int k = 0; k < AHEAD; ++k) {
                if (has_column && k < count) sums.add(ahead[k]);
            }
        }
    }
    if (has_column) sums.store(out + row * columns + column);
}

// blockDim = (32, rows of the result per block), gridDim.x = ceil(size / blockDim.y) * ceil(vectors / 32)
//
// registers: 56
// vector: 128
extern "C" __global__ void __launch_bounds__(256) scatter_add_scan(
    const SCALAR* __restrict__ values, const long long* __restrict__ index, SCALAR* __restrict__ out, long long rows,
    long long size, long long columns, int vectorized
) {
    const Place place(columns, vectorized);
    if (place.row >= size) return;  // a whole warp
    if (vectorized) {
        scan<VECTOR>(values, index, out, rows, columns, place.row, place.column);
    } else {
        scan<1>(values, index, out, rows, columns, place.row, place.column);
    }
}

// --- a sorted index -----------------------------------------------------------------------------

// The number of elements of sorted[start..rows-1] that are below `row`, plus start
static __device__ __forceinline__ long long first_not_below(
    const long long* sorted, long long start, long long rows, long long row
) {
    long long low = start, high = rows;
    while (low < high) {
        const long long middle = low + (high - low) / 2;
        if (sorted[middle] < row) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

template <int N>
static __device__ __forceinline__ void sum_run(
    const SCALAR* values, const long long* order, SCALAR* out, long long columns, long long row, long long column,
    long long start, long long end
) {
    Sums<N> sums;
    long long i = start;
#pragma unroll 1
    for (; i + AHEAD <= end; i += AHEAD) {
        Pack<SCALAR, N> ahead[AHEAD];
#pragma unroll
        for (int k = 0; k < AHEAD; ++k) ahead[k] = load_pack<N>(values + order[i + k] * columns + column);
#pragma unroll
        for (int k = 0; k < AHEAD; ++k) sums.add(ahead[k]);
    }
#pragma unroll 1
    for (; i < end; ++i) sums.add(load_pack<N>(values + order[i] * columns + column));
    sums.store(out + row * columns + column);
}

// sorted[k] = index[order[k]] rises, and order rises where sorted stays.
// blockDim = (lanes, rows of the result per block), gridDim.x = ceil(size / blockDim.y) * ceil(vectors / lanes)
//
// registers: 56
// vector: 128 except 4
extern "C" __global__ void __launch_bounds__(256, 4) scatter_add_sorted(
    const SCALAR* __restrict__ values, const long long* __restrict__ sorted, const long long* __restrict__ order,
    SCALAR* __restrict__ out, long long rows, long long size, long long columns, int vectorized
) {
    const Place place(columns, vectorized);
    if (place.row >= size || place.column >= columns) return;
    const long long start = first_not_below(sorted, 0, rows, place.row);
    const long long end = first_not_below(sorted, start, rows, place.row + 1);
    if (vectorized) {
        sum_run<VECTOR>(values, order, out, columns, place.row, place.column, start, end);
    } else {
        sum_run<1>(values, order, out, columns, place.row, place.column, start, end);
    }
}
