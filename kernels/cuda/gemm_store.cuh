// What becomes of a tile's sums: the sum over blocks that shared the depth, bias and activation, and memory.
#pragma once
#include "activation_codes.cuh"
#include "gemm_load.cuh"

// --- to memory ------------------------------------------------------------------------------------------------

// The rows of a thread's sums, one after another. The sums move up by a row each time, for registers have no index.
template <class T>
struct RowsOfProduct {
    Product<T>& product;

    __device__ __forceinline__ void next(REAL (&values)[T::micro_columns]) {
#pragma unroll
        for (int j = 0; j < T::micro_columns; ++j) {
            values[j] = product.sums[0][j];
#pragma unroll
            for (int i = 0; i + 1 < T::micro_rows; ++i) product.sums[i][j] = product.sums[i + 1][j];
        }
    }
};

// Where a thread's columns go: offsets[j] from the start of a row, or nowhere if that is negative. `vector`: the columns
// of a run lie side by side, aligned.
template <class T>
struct Columns {
    INDEX offsets[T::micro_columns];
    bool vector;
};

// out[columns.offsets[j] + row * pitch] = activation(row i of the sums + bias[row]) for the rows of the tile below
// `count`. The loop over the rows is not unrolled, so that the activations stand in the code once.
template <class T, class Rows>
static __device__ __forceinline__ void store(const Place<T>& place, Rows rows, SCALAR* __restrict__ out,
                                             const Columns<T>& columns, INDEX pitch, int count,
                                             const SCALAR* __restrict__ bias, int activation, REAL alpha) {
    constexpr int run = Place<T>::column_run;
#pragma unroll 1
    for (int i = 0; i < T::micro_rows; ++i) {
        const int row = place.row(i);
        REAL values[T::micro_columns];
        rows.next(values);
        if (row < count) {
            const REAL added = bias ? to_real(bias[row]) : REAL(0);
#pragma unroll
            for (int j = 0; j < T::micro_columns; ++j) values[j] += added;
            activate(values, activation, alpha);
            SCALAR* const line = out + row * pitch;
#pragma unroll
            for (int j = 0; j < T::micro_columns; j += run) {
                Pack<SCALAR, run> pack;
#pragma unroll
                for (int l = 0; l < run; ++l) pack.values[l] = from_real<SCALAR>(values[j + l]);
                if (columns.vector) {
                    if (columns.offsets[j] >= 0) store_pack<run>(line + columns.offsets[j], pack);
                } else {
#pragma unroll
                    for (int l = 0; l < run; ++l) {
                        if (columns.offsets[j + l] >= 0) line[columns.offsets[j + l]] = pack.values[l];
                    }
                }
            }
        }
    }
}

// --- sums over the blocks that shared the depth -----------------------------------------------------------------

// A tile of partial sums: ROWS * COLUMNS of them, each thread's runs of columns apart by THREADS runs, so that an access
// is of 16 bytes and a warp's are one piece of memory.
template <class T>
struct PartialTile {
    static constexpr int run = Place<T>::column_run, runs = T::micro_columns / run;
    static constexpr long long size = T::rows * T::columns;

    // Where this thread keeps run j of its row i.
    static __device__ __forceinline__ int place(int i, int j) {
        return ((i * runs + j) * T::threads + static_cast<int>(threadIdx.x)) * run;
    }
    static __device__ __forceinline__ void put(REAL* tile, int i, const REAL (&values)[T::micro_columns]) {
#pragma unroll
        for (int j = 0; j < runs; ++j) {
            Pack<REAL, run> pack;
#pragma unroll
            for (int l = 0; l < run; ++l) pack.values[l] = values[j * run + l];
            store_pack<run>(tile + place(i, j), pack);
        }
    }
    // values = row i of the sum of `count` tiles, `stride` apart, in their order.
    static __device__ __forceinline__ void sum(const REAL* tiles, int count, long long stride, int i,
                                               REAL (&values)[T::micro_columns]) {
#pragma unroll
        for (int j = 0; j < T::micro_columns; ++j) values[j] = 0;
#pragma unroll 4
        for (int n = 0; n < count; ++n) {
#pragma unroll
            for (int j = 0; j < runs; ++j) {
                const Pack<REAL, run> pack = load_pack<run>(tiles + n * stride + place(i, j));
#pragma unroll
                for (int l = 0; l < run; ++l) values[j * run + l] += pack.values[l];
            }
        }
    }
};

// What `splits` blocks have of one tile, summed in a fixed order. One block alone would read for long what many have
// written, so the splits form clusters: the last block of a cluster sums the cluster, the last of those the clusters.
template <class T>
struct SplitSum {
    REAL* partials;     // a tile for each split
    unsigned* tickets;  // one for each cluster, and one more
    int split, splits, cluster_size;

    __device__ __forceinline__ int clusters() const { return ceil_divide(splits, cluster_size); }
    // From what all tiles have to what tile number `tile` has.
    __device__ __forceinline__ void select(long long tile) {
        partials += tile * splits * PartialTile<T>::size;
        tickets += tile * (1 + clusters());
    }

    // Adds this block's part; returns whether it is the last and has the sum.
    __device__ __forceinline__ bool add(Product<T>& product) {
        RowsOfProduct<T> rows{product};
        REAL values[T::micro_columns];
#pragma unroll 1
        for (int i = 0; i < T::micro_rows; ++i) {
            rows.next(values);
            PartialTile<T>::put(partials + split * PartialTile<T>::size, i, values);
        }
        const int cluster = split / cluster_size, first = cluster * cluster_size;
        const int count = smaller_of(cluster_size, splits - first);
        if (!is_last_block(tickets + 1 + cluster, static_cast<unsigned>(count))) return false;
        REAL* const tiles = partials + first * PartialTile<T>::size;
#pragma unroll 1
        for (int i = 0; i < T::micro_rows; ++i) {
            PartialTile<T>::sum(tiles, count, PartialTile<T>::size, i, values);
            PartialTile<T>::put(tiles, i, values);
        }
        return is_last_block(tickets, static_cast<unsigned>(clusters()));
    }
    // The rows of the sum, one after another.
    struct Rows {
        const REAL* partials;
        int clusters, cluster_size, i;

        __device__ __forceinline__ void next(REAL (&values)[T::micro_columns]) {
            PartialTile<T>::sum(partials, clusters, cluster_size * PartialTile<T>::size, i++, values);
        }
    };
    __device__ __forceinline__ Rows rows() const { return Rows{partials, clusters(), cluster_size, 0}; }
};
