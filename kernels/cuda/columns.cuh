// A block of (x, y) threads beside the columns of an array: thread x has WIDTH neighbouring columns, and the threads
// with its x share their rows out, so that a warp reads whole lines. What each found is combined over y here.
#pragma once
#include "common.cuh"

#define COLUMN_THREADS 256

// Combines the packs of the threads with equal threadIdx.x; each of them gets the result. blockDim.y is a power of two.
template <class Operation, int WIDTH>
static __device__ __forceinline__ void reduce_over_y(Pack<REAL, WIDTH>& pack) {
    __shared__ REAL shared[COLUMN_THREADS * WIDTH];  // [WIDTH][y][x]: neighbouring threads use neighbouring banks
    if (blockDim.y == 1) return;
    const int threads = blockDim.x * blockDim.y;
    REAL* mine = shared + threadIdx.y * blockDim.x + threadIdx.x;
    __syncthreads();  // the last call's readers are done
#pragma unroll
    for (int j = 0; j < WIDTH; ++j) mine[j * threads] = pack.values[j];
    for (int step = blockDim.y / 2; step > 0; step /= 2) {
        __syncthreads();
        if (threadIdx.y < step) {
#pragma unroll
            for (int j = 0; j < WIDTH; ++j) {
                mine[j * threads] = Operation::apply(mine[j * threads], mine[j * threads + step * blockDim.x]);
            }
        }
    }
    __syncthreads();
#pragma unroll
    for (int j = 0; j < WIDTH; ++j) pack.values[j] = shared[j * threads + threadIdx.x];
}
