// What becomes of a tile's sums: the sum over blocks that shared the depth, bias and activation, and memory.
#pragma once
#include "activations.cuh"
#include "gemm_load.cuh"

// --- activations by number: one binary serves all -------------------------------------------------------------

enum ActivationCode {
#define ACTIVATION_CODE(NAME, SAVES, FORWARD, BACKWARD) activation_##NAME,
    ACTIVATION_TABLE(ACTIVATION_CODE)
#undef ACTIVATION_CODE
};

// values = activation(values). Every thread has the same `activation`, a place in ACTIVATION_TABLE.
template <int N>
static __device__ __forceinline__ void activate(REAL (&values)[N], int activation, REAL alpha) {
    if (activation == activation_identity) return;
#pragma unroll
    for (int j = 0; j < N; ++j) {
        switch (activation) {
#define ACTIVATION_CASE(NAME, SAVES, FORWARD, BACKWARD) \
    case activation_##NAME: values[j] = activations::NAME::forward(values[j], alpha); break;
            ACTIVATION_TABLE(ACTIVATION_CASE)
#undef ACTIVATION_CASE
        }
    }
}

// --- to memory ------------------------------------------------------------------------------------------------

// out[offsets[j] + row * pitch] = activation(sums[i][j] + bias[row]) for the rows of the tile below `rows`, where a
// thread's column j lies at offsets[j], or nowhere if that is negative. `vector`: the columns of a run lie side by side,
// aligned. The loop over the rows is not unrolled, so that the activations stand in the code once: the sums move up by
// a row each time, for registers have no index.
template <class T>
static __device__ __forceinline__ void store(Product<T>& product, SCALAR* __restrict__ out,
                                             const INDEX (&offsets)[T::micro_columns], INDEX pitch, int rows,
                                             bool vector, const SCALAR* __restrict__ bias, int activation,
                                             REAL alpha) {
    constexpr int run = Product<T>::column_run;
#pragma unroll 1
    for (int i = 0; i < T::micro_rows; ++i) {
        const int row = product.row_of(i);
        if (row < rows) {
            const REAL added = bias ? to_real(bias[row]) : REAL(0);
            REAL values[T::micro_columns];
#pragma unroll
            for (int j = 0; j < T::micro_columns; ++j) values[j] = product.sums[0][j] + added;
            activate(values, activation, alpha);
            SCALAR* const line = out + row * pitch;
#pragma unroll
            for (int j = 0; j < T::micro_columns; j += run) {
                Pack<SCALAR, run> pack;
#pragma unroll
                for (int l = 0; l < run; ++l) pack.values[l] = from_real<SCALAR>(values[j + l]);
                if (vector) {
                    if (offsets[j] >= 0) store_pack<run>(line + offsets[j], pack);
                } else {
#pragma unroll
                    for (int l = 0; l < run; ++l) {
                        if (offsets[j + l] >= 0) line[offsets[j + l]] = pack.values[l];
                    }
                }
            }
        }
#pragma unroll
        for (int above = 0; above + 1 < T::micro_rows; ++above) {
#pragma unroll
            for (int j = 0; j < T::micro_columns; ++j) product.sums[above][j] = product.sums[above + 1][j];
        }
    }
}

// --- sums over the blocks that shared the depth -----------------------------------------------------------------

// A thread's sums in a tile of partial sums (ROWS * COLUMNS), where each access is of 16 bytes and a warp's are one
// piece of memory: the order is the threads' own.
template <class T>
static __device__ __forceinline__ void store_partial(const Product<T>& product, REAL* partial) {
    constexpr int run = Product<T>::column_run, runs = T::micro_columns / run;
#pragma unroll
    for (int i = 0; i < T::micro_rows; ++i) {
#pragma unroll
        for (int j = 0; j < runs; ++j) {
            Pack<REAL, run> pack;
#pragma unroll
            for (int l = 0; l < run; ++l) pack.values[l] = product.sums[i][j * run + l];
            store_pack<run>(partial + ((i * runs + j) * T::threads + static_cast<int>(threadIdx.x)) * run, pack);
        }
    }
}

// product = the sum of `count` tiles of partial sums, `stride` elements apart, in their order.
template <class T>
static __device__ __forceinline__ void sum_partials(Product<T>& product, const REAL* partials, int count,
                                                    long long stride) {
    constexpr int run = Product<T>::column_run, runs = T::micro_columns / run;
    product.clear();
    for (int n = 0; n < count; ++n, partials += stride) {
#pragma unroll
        for (int i = 0; i < T::micro_rows; ++i) {
#pragma unroll
            for (int j = 0; j < runs; ++j) {
                const Pack<REAL, run> pack =
                    load_pack<run>(partials + ((i * runs + j) * T::threads + static_cast<int>(threadIdx.x)) * run);
#pragma unroll
                for (int l = 0; l < run; ++l) product.sums[i][j * run + l] += pack.values[l];
            }
        }
    }
}

// The sum of what `splits` blocks have of one tile, in a fixed order: returns whether this block has it, the last one.
// One block alone would read for long what many have written, so the splits form clusters: the last block of a cluster
// sums the cluster, the last of those the clusters. `partials`: splits tiles; `tickets`: 1 + the number of clusters.
template <class T>
static __device__ __forceinline__ bool sum_splits(Product<T>& product, REAL* partials, unsigned* tickets, int split,
                                                  int splits, int cluster_size) {
    if (splits == 1) return true;
    constexpr long long size = T::rows * T::columns;
    const int clusters = ceil_divide(splits, cluster_size), cluster = split / cluster_size;
    const int first = cluster * cluster_size, count = smaller_of(cluster_size, splits - first);
    store_partial(product, partials + split * size);
    if (!is_last_block(tickets + 1 + cluster, static_cast<unsigned>(count))) return false;
    sum_partials(product, partials + first * size, count, size);
    if (clusters == 1) return true;
    store_partial(product, partials + first * size);
    if (!is_last_block(tickets, static_cast<unsigned>(clusters))) return false;
    sum_partials(product, partials, clusters, cluster_size * size);
    return true;
}
