// What losses of rows share: the sum of what the rows have lost, finished in the launch that computes it.
#pragma once
#include "rows.cuh"

#define REDUCTION_NONE 0
#define REDUCTION_MEAN 1
#define REDUCTION_SUM 2

static __device__ __forceinline__ REAL reciprocal_or_nan(REAL total) {  // a mean over nothing is NaN
    return total == 0 ? infinity(REAL()) - infinity(REAL()) : 1 / total;
}

// Adds up what the threads have lost (each row's loss stands with one of them) and stores the loss.
static __device__ __forceinline__ void finish(REAL lost, SCALAR* __restrict__ loss, REAL scale, REAL* partials,
                                              unsigned* ticket, REAL* shared) {
    lost = block_reduce<Sum>(lost, shared);
    if (gridDim.x > 1) {
        if (threadIdx.x == 0) partials[blockIdx.x] = lost;
        if (!is_last_block(ticket, gridDim.x)) return;
        lost = 0;
        for (unsigned i = threadIdx.x; i < gridDim.x; i += blockDim.x) lost += partials[i];
        lost = block_reduce<Sum>(lost, shared);
    }
    if (threadIdx.x == 0) *loss = from_real<SCALAR>(lost * scale);
}

// lost_by(row, group) for each row: it writes the gradient and returns the loss of the row, the same to every thread.
// Rows go to groups of THREADS, by grid strides. `loss` is (rows) with REDUCTION_NONE, else a single value.
template <int THREADS, class Row>
static __device__ __forceinline__ void each_row(Row lost_by, SCALAR* __restrict__ loss, REAL* partials,
                                                unsigned* ticket, INDEX rows, REAL scale, int reduction,
                                                REAL* shared) {
    const int groups = blockDim.x / THREADS;
    const Group<THREADS> group{shared};
    REAL lost = 0;
    for (INDEX row = static_cast<INDEX>(blockIdx.x) * groups + threadIdx.x / THREADS; row < rows;
         row += static_cast<INDEX>(gridDim.x) * groups) {
        const REAL here = lost_by(row, group);
        if (Group<THREADS>::thread() == 0) {
            if (reduction == REDUCTION_NONE) loss[row] = from_real<SCALAR>(here);
            lost += here;
        }
    }
    if (reduction != REDUCTION_NONE) finish(lost, loss, scale, partials, ticket, shared);
}
