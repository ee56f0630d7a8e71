// Bias and activation in one pass over the array, forward and backward, for the activation that the macro ACTIVATION
// names. The array is seen as (outer, channels, inner) with the bias along the channels, so that one kernel serves
// (M, N) with the bias along N and (N, C, H, W) with the bias along C.
#include "activations.cuh"
#include "broadcast.cuh"
#include "channel_sums.cuh"

using Activated = activations::ACTIVATION;

// --- forward: out = activation(x + bias) ---------------------------------------------------------

template <int WIDTH>
static __device__ __forceinline__ Pack<SCALAR, WIDTH> activated(Pack<SCALAR, WIDTH> values, bool biased,
                                                                const Pack<SCALAR, WIDTH>& bias, REAL alpha) {
#pragma unroll
    for (int j = 0; j < WIDTH; ++j) {
        REAL sum = to_real(values.values[j]);
        if (biased) sum += to_real(bias.values[j]);  // not 0 where there is none: -0.0 + 0.0 is 0.0
        values.values[j] = from_real<SCALAR>(Activated::forward(sum, alpha));
    }
    return values;
}

template <int WIDTH>
static __device__ __forceinline__ void activate_at(const SCALAR* x, const SCALAR* __restrict__ bias, SCALAR* out,
                                                   INDEX first, INDEX channels, INDEX inner, REAL alpha) {
    Pack<SCALAR, WIDTH> added{};
    if (bias) added = channel_values<WIDTH>(bias, first, channels, inner);
    store_pack<WIDTH>(out + first, activated(load_pack<WIDTH>(x + first), bias != nullptr, added, alpha));
}

// Without a bias, or with one along another axis than the last. A thread takes 16 bytes at a time; what they do not
// reach, or all of an array that is not aligned, it takes one by one. `out` may be x: an element is read and written by
// one thread. Bytes: each of x and out once; a bias is read once for its part of a pack, from the L1 cache.
// registers: 64
// vector: 128 stores
extern "C" __global__ void __launch_bounds__(256, 4)
    bias_activation_forward(const SCALAR* x, const SCALAR* __restrict__ bias, SCALAR* out, INDEX n, INDEX channels,
                            INDEX inner, REAL alpha) {
    const INDEX packs = is_aligned(x) && is_aligned(out) ? n / VECTOR : 0;
    for (INDEX i = grid_start<INDEX>(); i < packs; i += grid_stride<INDEX>()) {
        activate_at<VECTOR>(x, bias, out, i * VECTOR, channels, inner, alpha);
    }
    for (INDEX i = packs * VECTOR + grid_start<INDEX>(); i < n; i += grid_stride<INDEX>()) {
        activate_at<1>(x, bias, out, i, channels, inner, alpha);
    }
}

// How many rows a thread has on their way at a time: out may be x, so the compiler cannot read ahead by itself.
#define ROWS_AHEAD 4

template <int WIDTH>
static __device__ __forceinline__ void activate_columns(const SCALAR* x, const SCALAR* __restrict__ bias, SCALAR* out,
                                                        INDEX rows, INDEX channels, REAL alpha) {
    __shared__ Pack<SCALAR, WIDTH> biases[32];  // of the block's columns: each is read once for all rows of the block
    const INDEX channel = (static_cast<INDEX>(blockIdx.x) * blockDim.x + threadIdx.x) * WIDTH;
    if (channel < channels && threadIdx.y == 0) biases[threadIdx.x] = load_pack<WIDTH>(bias + channel);
    __syncthreads();
    if (channel >= channels) return;
    const Pack<SCALAR, WIDTH> mine = biases[threadIdx.x];
    const INDEX step = static_cast<INDEX>(gridDim.y) * blockDim.y;
    INDEX row = static_cast<INDEX>(blockIdx.y) * blockDim.y + threadIdx.y;
    for (; row < rows; row += ROWS_AHEAD * step) {
        Pack<SCALAR, WIDTH> values[ROWS_AHEAD];
#pragma unroll
        for (int k = 0; k < ROWS_AHEAD; ++k) {
            if (row + k * step < rows) values[k] = load_pack<WIDTH>(x + (row + k * step) * channels + channel);
        }
#pragma unroll
        for (int k = 0; k < ROWS_AHEAD; ++k) {
            if (row + k * step < rows) {
                store_pack<WIDTH>(out + (row + k * step) * channels + channel,
                                  activated(values[k], true, mine, alpha));
            }
        }
    }
}

// With the bias along the last axis: a thread keeps the biases of `width` neighbouring columns and goes down its share
// of the rows; threads and blocks share columns and rows out as sum_columns does, at most 32 threads beside the columns.
// Bytes: each of x and out once, and the biases once for each block, whose threads have at least ROWS_AHEAD rows each
// where there are so many.
// registers: 80
// vector: 128
extern "C" __global__ void __launch_bounds__(COLUMN_THREADS, 3)
    bias_activation_forward_columns(const SCALAR* x, const SCALAR* __restrict__ bias, SCALAR* out, INDEX rows,
                                    INDEX channels, int width, REAL alpha) {
    if (width == VECTOR) {
        activate_columns<VECTOR>(x, bias, out, rows, channels, alpha);
    } else {
        activate_columns<1>(x, bias, out, rows, channels, alpha);
    }
}

// --- backward ------------------------------------------------------------------------------------

// Computes and writes the gradient of x, and hands it on to be summed. `saved` is null if the backward of the
// activation does not look at it.
struct Backward {
    const SCALAR* __restrict__ grad;
    const SCALAR* __restrict__ saved;
    SCALAR* __restrict__ grad_x;
    REAL alpha;

    template <int WIDTH>
    __device__ __forceinline__ Pack<REAL, WIDTH> at(INDEX first) const {
        const Pack<SCALAR, WIDTH> g = load_pack<WIDTH>(grad + first);
        Pack<SCALAR, WIDTH> kept{};
        if (saved) kept = load_pack<WIDTH>(saved + first);
        Pack<REAL, WIDTH> exact;
        Pack<SCALAR, WIDTH> stored;
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            exact.values[j] = Activated::backward(to_real(kept.values[j]), to_real(g.values[j]), alpha);
            stored.values[j] = from_real<SCALAR>(exact.values[j]);
        }
        store_pack<WIDTH>(grad_x + first, stored);
        return exact;
    }
};

struct StoreBiasGradient {
    SCALAR* __restrict__ bias_grad;
    __device__ __forceinline__ void operator()(INDEX channel, REAL sum) const {
        bias_grad[channel] = from_real<SCALAR>(sum);
    }
};

// The gradient of x alone, mapped to threads as the forward is. Bytes: each of grad, saved and grad_x once.
// registers: 64
// vector: 128
extern "C" __global__ void __launch_bounds__(256, 4)
    activation_backward(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ saved,
                        SCALAR* __restrict__ grad_x, INDEX n, REAL alpha) {
    const Backward backward{grad, saved, grad_x, alpha};
    const INDEX packs = is_aligned(grad) && is_aligned(saved) && is_aligned(grad_x) ? n / VECTOR : 0;
    for (INDEX i = grid_start<INDEX>(); i < packs; i += grid_stride<INDEX>()) backward.at<VECTOR>(i * VECTOR);
    for (INDEX i = packs * VECTOR + grid_start<INDEX>(); i < n; i += grid_stride<INDEX>()) backward.at<1>(i);
}

// With the gradient of the bias, summed while the gradient of x is computed: the same bytes, and the partial sums.
// `width` is how many elements a thread takes at a time: VECTOR where alignment and shape allow it, else 1.
// registers: 80
// vector: 128
extern "C" __global__ void __launch_bounds__(SUM_THREADS, 3)
    bias_activation_backward_columns(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ saved,
                                     SCALAR* __restrict__ grad_x, SCALAR* __restrict__ bias_grad, REAL* partials,
                                     unsigned* tickets, INDEX rows, INDEX channels, int width, REAL alpha) {
    const Backward backward{grad, saved, grad_x, alpha};
    const StoreBiasGradient store{bias_grad};
    if (width == VECTOR) {
        sum_columns<VECTOR>(rows, channels, backward, store, partials, tickets);
    } else {
        sum_columns<1>(rows, channels, backward, store, partials, tickets);
    }
}

// registers: 80
// vector: 128
extern "C" __global__ void __launch_bounds__(SUM_THREADS, 3)
    bias_activation_backward_planes(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ saved,
                                    SCALAR* __restrict__ grad_x, SCALAR* __restrict__ bias_grad, REAL* partials,
                                    unsigned* tickets, INDEX outer, INDEX channels, INDEX inner, int width,
                                    REAL alpha) {
    const Backward backward{grad, saved, grad_x, alpha};
    const StoreBiasGradient store{bias_grad};
    if (width == VECTOR) {
        sum_planes<VECTOR>(outer, channels, inner, backward, store, partials, tickets);
    } else {
        sum_planes<1>(outer, channels, inner, backward, store, partials, tickets);
    }
}
