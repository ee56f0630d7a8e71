// Sums over every axis but one, finished in the launch that computes what is summed, in an order that depends on the
// shape alone.
//
// The array is seen as (outer, channels, inner). Two kinds of kernels cover every such shape:
//
//   sum_columns  inner = 1. A block of (x, y) threads takes x * WIDTH neighbouring channels and every y-th of its
//                share of the rows: a warp reads whole lines, a thread keeps WIDTH sums.
//   sum_planes   any inner. A block takes one channel and its share of the outer * inner elements.
//
// Where one block for each group of channels would leave multiprocessors idle, gridDim.y blocks share it: each writes
// a partial sum, and the last one to finish adds them up. Sums are blocked three times over (thread, block, grid), so
// that rounding errors grow with the length of one thread's chain only, some thousands of additions at most.
//
// What is summed is an `element`: element.at<WIDTH>(i) gives the values of the elements i, ..., i + WIDTH - 1, and may
// write results of its own on the way. Where the sums go is up to `finish(channel, sum)`.
#pragma once
#include "columns.cuh"
#include "common.cuh"

// Kernels of so many threads state 3 or 4 blocks a multiprocessor, so 80 or 64 registers: left to itself the compiler
// aims at more blocks and spills on some architectures.
#define SUM_THREADS 256
static_assert(SUM_THREADS <= COLUMN_THREADS, "blocks beside columns have shared memory for so many threads");

template <int WIDTH>
static __device__ __forceinline__ REAL pack_sum(Pack<REAL, WIDTH> pack) {
#pragma unroll
    for (int step = WIDTH / 2; step > 0; step /= 2) {
#pragma unroll
        for (int j = 0; j < step; ++j) pack.values[j] += pack.values[j + step];
    }
    return pack.values[0];
}

// Grid: (ceil(channels / (blockDim.x * WIDTH)), shares of the rows). WIDTH divides channels.
// partials: (gridDim.y, channels), aligned to a Pack<REAL, WIDTH>; tickets: (gridDim.x); not used if gridDim.y is 1.
template <int WIDTH, class Element, class Finish>
static __device__ __forceinline__ void sum_columns(INDEX rows, INDEX channels, const Element& element,
                                                   const Finish& finish, REAL* partials, unsigned* tickets) {
    const INDEX channel = (static_cast<INDEX>(blockIdx.x) * blockDim.x + threadIdx.x) * WIDTH;
    const bool inside = channel < channels;
    Pack<REAL, WIDTH> sums{};
    if (inside) {
        const INDEX step = static_cast<INDEX>(gridDim.y) * blockDim.y;
        for (INDEX row = static_cast<INDEX>(blockIdx.y) * blockDim.y + threadIdx.y; row < rows; row += step) {
            const Pack<REAL, WIDTH> values = element.template at<WIDTH>(row * channels + channel);
#pragma unroll
            for (int j = 0; j < WIDTH; ++j) sums.values[j] += values.values[j];
        }
    }
    reduce_over_y<Sum>(sums);
    if (gridDim.y > 1) {
        if (inside && threadIdx.y == 0) store_pack<WIDTH>(partials + blockIdx.y * channels + channel, sums);
        if (!is_last_block(tickets + blockIdx.x, gridDim.y)) return;
        sums = Pack<REAL, WIDTH>{};
        if (inside) {
            for (INDEX share = threadIdx.y; share < gridDim.y; share += blockDim.y) {
                const Pack<REAL, WIDTH> values = load_pack<WIDTH>(partials + share * channels + channel);
#pragma unroll
                for (int j = 0; j < WIDTH; ++j) sums.values[j] += values.values[j];
            }
        }
        reduce_over_y<Sum>(sums);
    }
    if (inside && threadIdx.y == 0) {
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) finish(channel + j, sums.values[j]);
    }
}

// Grid: (channels, shares of the elements); blockDim.x is a multiple of 32. WIDTH divides inner, or there is one plane
// only, whose rest is read one by one. partials: (channels, gridDim.y), tickets: (channels).
template <int WIDTH, class Element, class Finish>
static __device__ __forceinline__ void sum_planes(INDEX outer, INDEX channels, INDEX inner, const Element& element,
                                                  const Finish& finish, REAL* partials, unsigned* tickets) {
    __shared__ REAL shared[SUM_THREADS / 32];
    const INDEX channel = blockIdx.x;
    const INDEX packs_in_plane = inner / WIDTH;
    const INDEX packs = outer * packs_in_plane;
    const INDEX step = static_cast<INDEX>(gridDim.y) * blockDim.x;
    const INDEX step_planes = packs > 0 ? step / packs_in_plane : 0;  // divided once: a step is so many planes and
    const INDEX step_places = step - step_planes * packs_in_plane;    // so many packs more
    INDEX pack = static_cast<INDEX>(blockIdx.y) * blockDim.x + threadIdx.x;
    INDEX plane = packs > 0 ? pack / packs_in_plane : 0;
    INDEX place = pack - plane * packs_in_plane;
    REAL sum = 0;
    for (; pack < packs; pack += step) {
        sum += pack_sum(element.template at<WIDTH>((plane * channels + channel) * inner + place * WIDTH));
        plane += step_planes;
        place += step_places;
        if (place >= packs_in_plane) {
            place -= packs_in_plane;
            ++plane;
        }
    }
    if (WIDTH > 1 && blockIdx.y == 0 && threadIdx.x < inner % WIDTH) {
        sum += pack_sum(element.template at<1>(packs_in_plane * WIDTH + threadIdx.x));
    }
    sum = block_reduce<Sum>(sum, shared);
    if (gridDim.y > 1) {
        if (threadIdx.x == 0) partials[channel * gridDim.y + blockIdx.y] = sum;
        if (!is_last_block(tickets + blockIdx.x, gridDim.y)) return;
        sum = 0;
        for (unsigned share = threadIdx.x; share < gridDim.y; share += blockDim.x) {
            sum += partials[channel * gridDim.y + share];
        }
        sum = block_reduce<Sum>(sum, shared);
    }
    if (threadIdx.x == 0) finish(channel, sum);
}
