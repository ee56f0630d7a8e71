// Softmax and log-softmax along an axis of an array that is seen as (outer, length, inner), forward and backward.
//
//   inner = 1   rows: a warp for each up to 1024 elements, a block for each above; held in registers where 16-byte
//               accesses are possible, up to 8192 elements, else read twice
//   inner > 1   columns: a block of (x, y) threads takes x * WIDTH neighbouring ones, and its y threads share out the
//               length, so that a warp reads whole lines; read twice, the second time mostly from a cache
#include "columns.cuh"
#include "rows.cuh"

// --- along the last axis -------------------------------------------------------------------------

template <class Rows, int THREADS>
static __device__ __forceinline__ void forward_row(const SCALAR* __restrict__ x, SCALAR* __restrict__ out,
                                                   INDEX length, int log, Group<THREADS> group) {
    const Rows row({x}, length);
    const Statistics found = softmax_statistics(row, group);
    if (log) {
        const REAL log_total = logarithm(found.total);
        write(row, out, [&](INDEX, Values<1> v) { return v.of[0] - found.largest - log_total; });
    } else {
        const REAL factor = 1 / found.total;
        write(row, out, [&](INDEX, Values<1> v) { return exponential(v.of[0] - found.largest) * factor; });
    }
}

// The gradient of x from g and y: y * (g - sum(g * y)), or with `log`, where y is the logarithm, g - exp(y) * sum(g).
template <class Rows, int THREADS>
static __device__ __forceinline__ void backward_row(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ output,
                                                    SCALAR* __restrict__ grad_x, INDEX length, int log,
                                                    Group<THREADS> group) {
    const Rows rows({grad, output}, length);
    REAL sum = 0;
    each(rows, [&](INDEX, Values<2> v) { sum += log ? v.of[0] : v.of[0] * v.of[1]; });
    sum = group.template reduce<Sum>(sum);
    write(rows, grad_x, [&](INDEX, Values<2> v) {
        return log ? v.of[0] - exponential(v.of[1]) * sum : v.of[1] * (v.of[0] - sum);
    });
}

// Grid: ceil(rows / warps of a block). Bytes: each of x and out once. `width`: VECTOR where 16-byte accesses are
// possible, else 1.
// registers: 112
extern "C" __global__ void __launch_bounds__(ROW_THREADS, 1)
    softmax_forward_warp(const SCALAR* __restrict__ x, SCALAR* __restrict__ out, INDEX rows, INDEX length, int log,
                         int width) {
    const INDEX row = static_cast<INDEX>(blockIdx.x) * (blockDim.x / 32) + threadIdx.x / 32;
    if (row >= rows) return;  // the whole warp
    const Group<32> warp{nullptr};
    if (width == VECTOR) {
        forward_row<RegisterRows<32, VECTOR, 1>>(x + row * length, out + row * length, length, log, warp);
    } else {
        forward_row<MemoryRows<32, 1, 1>>(x + row * length, out + row * length, length, log, warp);
    }
}

// Grid: rows. Bytes: each of x and out once, x twice above 8192 elements.
// registers: 112
extern "C" __global__ void __launch_bounds__(ROW_THREADS, 1)
    softmax_forward_block(const SCALAR* __restrict__ x, SCALAR* __restrict__ out, INDEX length, int log, int width) {
    __shared__ REAL shared[ROW_THREADS / 32];
    const Group<ROW_THREADS> block{shared};
    x += static_cast<INDEX>(blockIdx.x) * length;
    out += static_cast<INDEX>(blockIdx.x) * length;
    if (width == VECTOR && length <= ROW_THREADS * ROW_ITEMS) {
        forward_row<RegisterRows<ROW_THREADS, VECTOR, 1>>(x, out, length, log, block);
    } else if (width == VECTOR) {
        forward_row<MemoryRows<ROW_THREADS, VECTOR, 1>>(x, out, length, log, block);
    } else {
        forward_row<MemoryRows<ROW_THREADS, 1, 1>>(x, out, length, log, block);
    }
}

// As softmax_forward_warp. Bytes: each of grad, output and grad_x once.
// registers: 176
extern "C" __global__ void __launch_bounds__(ROW_THREADS, 1)
    softmax_backward_warp(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ output,
                          SCALAR* __restrict__ grad_x, INDEX rows, INDEX length, int log, int width) {
    const INDEX row = static_cast<INDEX>(blockIdx.x) * (blockDim.x / 32) + threadIdx.x / 32;
    if (row >= rows) return;  // the whole warp
    const Group<32> warp{nullptr};
    const INDEX start = row * length;
    if (width == VECTOR) {
        backward_row<RegisterRows<32, VECTOR, 2>>(grad + start, output + start, grad_x + start, length, log, warp);
    } else {
        backward_row<MemoryRows<32, 1, 2>>(grad + start, output + start, grad_x + start, length, log, warp);
    }
}

// As softmax_forward_block.
// registers: 176
extern "C" __global__ void __launch_bounds__(ROW_THREADS, 1)
    softmax_backward_block(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ output,
                           SCALAR* __restrict__ grad_x, INDEX length, int log, int width) {
    __shared__ REAL shared[ROW_THREADS / 32];
    const Group<ROW_THREADS> block{shared};
    grad += static_cast<INDEX>(blockIdx.x) * length;
    output += static_cast<INDEX>(blockIdx.x) * length;
    grad_x += static_cast<INDEX>(blockIdx.x) * length;
    if (width == VECTOR && length <= ROW_THREADS * ROW_ITEMS) {
        backward_row<RegisterRows<ROW_THREADS, VECTOR, 2>>(grad, output, grad_x, length, log, block);
    } else if (width == VECTOR) {
        backward_row<MemoryRows<ROW_THREADS, VECTOR, 2>>(grad, output, grad_x, length, log, block);
    } else {
        backward_row<MemoryRows<ROW_THREADS, 1, 2>>(grad, output, grad_x, length, log, block);
    }
}

// --- along another axis --------------------------------------------------------------------------

// Where WIDTH neighbouring columns of this thread begin, or -1 if there are none for it.
template <int WIDTH>
static __device__ __forceinline__ INDEX first_element(INDEX outer, INDEX length, INDEX inner) {
    const INDEX column = (static_cast<INDEX>(blockIdx.x) * blockDim.x + threadIdx.x) * WIDTH;
    if (column >= outer * inner) return -1;
    const INDEX plane = column / inner;
    return plane * length * inner + (column - plane * inner);
}

template <int WIDTH>
static __device__ __forceinline__ void forward_columns(const SCALAR* __restrict__ x, SCALAR* __restrict__ out,
                                                       INDEX outer, INDEX length, INDEX inner, int log) {
    const INDEX start = first_element<WIDTH>(outer, length, inner);
    RunningStatistics running[WIDTH];
    if (start >= 0) {
        for (INDEX place = threadIdx.y; place < length; place += blockDim.y) {
            const Pack<SCALAR, WIDTH> values = load_pack<WIDTH>(x + start + place * inner);
#pragma unroll
            for (int j = 0; j < WIDTH; ++j) running[j].add({to_real(values.values[j])});
        }
    }
    Pack<REAL, WIDTH> largest, total;
#pragma unroll
    for (int j = 0; j < WIDTH; ++j) largest.values[j] = running[j].largest;
    reduce_over_y<Larger>(largest);
#pragma unroll
    for (int j = 0; j < WIDTH; ++j) {
        running[j].rescale(largest.values[j]);
        total.values[j] = running[j].total;
    }
    reduce_over_y<Sum>(total);
    if (start < 0) return;
#pragma unroll
    for (int j = 0; j < WIDTH; ++j) total.values[j] = log ? logarithm(total.values[j]) : 1 / total.values[j];
    for (INDEX place = threadIdx.y; place < length; place += blockDim.y) {
        Pack<SCALAR, WIDTH> values = load_pack<WIDTH>(x + start + place * inner);
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            const REAL shifted = to_real(values.values[j]) - largest.values[j];
            values.values[j] = from_real<SCALAR>(log ? shifted - total.values[j]
                                                     : exponential(shifted) * total.values[j]);
        }
        store_pack<WIDTH>(out + start + place * inner, values);
    }
}

template <int WIDTH>
static __device__ __forceinline__ void backward_columns(const SCALAR* __restrict__ grad,
                                                        const SCALAR* __restrict__ output,
                                                        SCALAR* __restrict__ grad_x, INDEX outer, INDEX length,
                                                        INDEX inner, int log) {
    const INDEX start = first_element<WIDTH>(outer, length, inner);
    Pack<REAL, WIDTH> sum{};
    if (start >= 0) {
        for (INDEX place = threadIdx.y; place < length; place += blockDim.y) {
            const Pack<SCALAR, WIDTH> g = load_pack<WIDTH>(grad + start + place * inner);
            const Pack<SCALAR, WIDTH> y = load_pack<WIDTH>(output + start + place * inner);
#pragma unroll
            for (int j = 0; j < WIDTH; ++j) {
                sum.values[j] += log ? to_real(g.values[j]) : to_real(g.values[j]) * to_real(y.values[j]);
            }
        }
    }
    reduce_over_y<Sum>(sum);
    if (start < 0) return;
    for (INDEX place = threadIdx.y; place < length; place += blockDim.y) {
        const Pack<SCALAR, WIDTH> g = load_pack<WIDTH>(grad + start + place * inner);
        Pack<SCALAR, WIDTH> y = load_pack<WIDTH>(output + start + place * inner);
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            const REAL gradient = to_real(g.values[j]), value = to_real(y.values[j]);
            y.values[j] = from_real<SCALAR>(log ? gradient - exponential(value) * sum.values[j]
                                                : value * (gradient - sum.values[j]));
        }
        store_pack<WIDTH>(grad_x + start + place * inner, y);
    }
}

// Grid: ceil(outer * inner / (x * WIDTH)) for blocks of (x, y) threads. `width`: VECTOR where 16-byte accesses are
// possible, which takes an inner that it divides, else 1.
// registers: 64
extern "C" __global__ void __launch_bounds__(COLUMN_THREADS, 4)
    softmax_forward_columns(const SCALAR* __restrict__ x, SCALAR* __restrict__ out, INDEX outer, INDEX length,
                            INDEX inner, int log, int width) {
    if (width == VECTOR) {
        forward_columns<VECTOR>(x, out, outer, length, inner, log);
    } else {
        forward_columns<1>(x, out, outer, length, inner, log);
    }
}

// registers: 64
extern "C" __global__ void __launch_bounds__(COLUMN_THREADS, 4)
    softmax_backward_columns(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ output,
                             SCALAR* __restrict__ grad_x, INDEX outer, INDEX length, INDEX inner, int log,
                             int width) {
    if (width == VECTOR) {
        backward_columns<VECTOR>(grad, output, grad_x, outer, length, inner, log);
    } else {
        backward_columns<1>(grad, output, grad_x, outer, length, inner, log);
    }
}
