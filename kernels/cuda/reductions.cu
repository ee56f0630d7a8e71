// Sums over all axes but one of an array that is seen as (outer, channels, inner), and the norm of a flat buffer: one
// launch, in an order that depends on the shape alone (see channel_sums.cuh). Bytes: the array once, and the results.
#include "channel_sums.cuh"

struct Elements {
    const SCALAR* __restrict__ x;
    template <int WIDTH>
    __device__ __forceinline__ Pack<REAL, WIDTH> at(INDEX first) const {
        const Pack<SCALAR, WIDTH> stored = load_pack<WIDTH>(x + first);
        Pack<REAL, WIDTH> values;
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) values.values[j] = to_real(stored.values[j]);
        return values;
    }
};

struct Squares {
    Elements elements;
    template <int WIDTH>
    __device__ __forceinline__ Pack<REAL, WIDTH> at(INDEX first) const {
        Pack<REAL, WIDTH> values = elements.at<WIDTH>(first);
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) values.values[j] *= values.values[j];
        return values;
    }
};

struct StoreSum {
    SCALAR* __restrict__ out;
    __device__ __forceinline__ void operator()(INDEX channel, REAL sum) const { out[channel] = from_real<SCALAR>(sum); }
};

struct StoreRoot {
    SCALAR* __restrict__ out;
    __device__ __forceinline__ void operator()(INDEX, REAL sum) const { *out = from_real<SCALAR>(square_root(sum)); }
};

// `width` is how many elements a thread takes at a time: VECTOR where alignment and shape allow it, else 1.
// registers: 80
// vector: 128 loads
extern "C" __global__ void __launch_bounds__(SUM_THREADS, 3)
    sums_in_columns(const SCALAR* __restrict__ x, SCALAR* __restrict__ out, REAL* partials, unsigned* tickets,
                    INDEX rows, INDEX channels, int width) {
    if (width == VECTOR) {
        sum_columns<VECTOR>(rows, channels, Elements{x}, StoreSum{out}, partials, tickets);
    } else {
        sum_columns<1>(rows, channels, Elements{x}, StoreSum{out}, partials, tickets);
    }
}

// registers: 64
// vector: 128 loads
extern "C" __global__ void __launch_bounds__(SUM_THREADS, 4)
    sums_in_planes(const SCALAR* __restrict__ x, SCALAR* __restrict__ out, REAL* partials, unsigned* tickets,
                   INDEX outer, INDEX channels, INDEX inner, int width) {
    if (width == VECTOR) {
        sum_planes<VECTOR>(outer, channels, inner, Elements{x}, StoreSum{out}, partials, tickets);
    } else {
        sum_planes<1>(outer, channels, inner, Elements{x}, StoreSum{out}, partials, tickets);
    }
}

template <int WIDTH>
static __device__ __forceinline__ REAL sum_of_row(const SCALAR* __restrict__ row, INDEX length) {
    const Elements elements{row};
    REAL sum = 0;
    for (INDEX first = (threadIdx.x % 32) * WIDTH; first < length; first += 32 * WIDTH) {
        sum += pack_sum(elements.at<WIDTH>(first));
    }
    return warp_reduce<Sum>(sum);
}

// Rows too short for a block: a warp for each. Grid: ceil(rows / warps of a block).
// registers: 64
// vector: 128 loads
extern "C" __global__ void __launch_bounds__(SUM_THREADS, 4)
    sums_in_rows(const SCALAR* __restrict__ x, SCALAR* __restrict__ out, INDEX rows, INDEX length, int width) {
    const INDEX row = static_cast<INDEX>(blockIdx.x) * (blockDim.x / 32) + threadIdx.x / 32;
    if (row >= rows) return;  // the whole warp
    x += row * length;
    const REAL sum = width == VECTOR ? sum_of_row<VECTOR>(x, length) : sum_of_row<1>(x, length);
    if (threadIdx.x % 32 == 0) out[row] = from_real<SCALAR>(sum);
}

// registers: 64
// vector: 128 loads
extern "C" __global__ void __launch_bounds__(SUM_THREADS, 4)
    l2_norm(const SCALAR* __restrict__ x, SCALAR* __restrict__ out, REAL* partials, unsigned* tickets, INDEX n,
            int width) {
    if (width == VECTOR) {
        sum_planes<VECTOR>(1, 1, n, Squares{{x}}, StoreRoot{out}, partials, tickets);
    } else {
        sum_planes<1>(1, 1, n, Squares{{x}}, StoreRoot{out}, partials, tickets);
    }
}
