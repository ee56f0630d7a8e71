// Softmax and log-softmax along an axis of an array that is seen as (outer, length, inner), forward and backward.
//
//   inner = 1   rows: a warp for each up to 1024 elements, a block for each above
//   inner > 1   columns: a block of (x, y) threads takes x * WIDTH neighbouring ones, and its y threads share out the
//               length, so that a warp reads whole lines
//
// Both are read once and held in registers where they fit; longer ones are read twice, the second time from a cache if
// the GPU has kept them: rows above 8192 elements (without 16-byte accesses above 128), columns above a few hundred.
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
// registers: 64 where SCALAR=float,half_t
// registers: 112
// vector: 128
extern "C" __global__ void __launch_bounds__(ROW_THREADS, ROW_BLOCKS)
    softmax_forward_warp(const SCALAR* __restrict__ x, SCALAR* __restrict__ out, INDEX rows, INDEX length, int log,
                         int width) {
    const INDEX row = static_cast<INDEX>(blockIdx.x) * (blockDim.x / 32) + threadIdx.x / 32;
    if (row >= rows) return;  // the whole warp
    const Group<32> warp{nullptr};
    x += row * length;
    out += row * length;
    using Short = RegisterRows<32, 1, 1, SCALAR_STEPS>;
    if (width == VECTOR) {
        forward_row<RegisterRows<32, VECTOR, 1, VECTOR_STEPS>>(x, out, length, log, warp);
    } else if (length <= Short::MOST) {
        forward_row<Short>(x, out, length, log, warp);
    } else {
        forward_row<MemoryRows<32, 1, 1>>(x, out, length, log, warp);
    }
}

// Grid: rows. Bytes: each of x and out once, x twice above 8192 elements.
// registers: 64 where SCALAR=float,half_t
// registers: 112
// vector: 128
extern "C" __global__ void __launch_bounds__(ROW_THREADS, ROW_BLOCKS)
    softmax_forward_block(const SCALAR* __restrict__ x, SCALAR* __restrict__ out, INDEX length, int log, int width) {
    __shared__ REAL shared[ROW_THREADS / 32];
    const Group<ROW_THREADS> block{shared};
    x += static_cast<INDEX>(blockIdx.x) * length;
    out += static_cast<INDEX>(blockIdx.x) * length;
    using Held = RegisterRows<ROW_THREADS, VECTOR, 1, VECTOR_STEPS>;
    if (width == VECTOR && length <= Held::MOST) {
        forward_row<Held>(x, out, length, log, block);
    } else if (width == VECTOR) {
        forward_row<MemoryRows<ROW_THREADS, VECTOR, 1>>(x, out, length, log, block);
    } else {
        forward_row<MemoryRows<ROW_THREADS, 1, 1>>(x, out, length, log, block);
    }
}

// As softmax_forward_warp. Bytes: each of grad, output and grad_x once.
// registers: 128 where SCALAR=float,half_t
// registers: 176
// vector: 128
extern "C" __global__ void __launch_bounds__(ROW_THREADS, ROW_BLOCKS)
    softmax_backward_warp(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ output,
                          SCALAR* __restrict__ grad_x, INDEX rows, INDEX length, int log, int width) {
    const INDEX row = static_cast<INDEX>(blockIdx.x) * (blockDim.x / 32) + threadIdx.x / 32;
    if (row >= rows) return;  // the whole warp
    const Group<32> warp{nullptr};
    grad += row * length;
    output += row * length;
    grad_x += row * length;
    using Short = RegisterRows<32, 1, 2, SCALAR_STEPS>;
    if (width == VECTOR) {
        backward_row<RegisterRows<32, VECTOR, 2, VECTOR_STEPS>>(grad, output, grad_x, length, log, warp);
    } else if (length <= Short::MOST) {
        backward_row<Short>(grad, output, grad_x, length, log, warp);
    } else {
        backward_row<MemoryRows<32, 1, 2>>(grad, output, grad_x, length, log, warp);
    }
}

// As softmax_forward_block.
// registers: 128 where SCALAR=float,half_t
// registers: 176
// vector: 128
extern "C" __global__ void __launch_bounds__(ROW_THREADS, ROW_BLOCKS)
    softmax_backward_block(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ output,
                           SCALAR* __restrict__ grad_x, INDEX length, int log, int width) {
    __shared__ REAL shared[ROW_THREADS / 32];
    const Group<ROW_THREADS> block{shared};
    grad += static_cast<INDEX>(blockIdx.x) * length;
    output += static_cast<INDEX>(blockIdx.x) * length;
    grad_x += static_cast<INDEX>(blockIdx.x) * length;
    using Held = RegisterRows<ROW_THREADS, VECTOR, 2, VECTOR_STEPS>;
    if (width == VECTOR && length <= Held::MOST) {
        backward_row<Held>(grad, output, grad_x, length, log, block);
    } else if (width == VECTOR) {
        backward_row<MemoryRows<ROW_THREADS, VECTOR, 2>>(grad, output, grad_x, length, log, block);
    } else {
        backward_row<MemoryRows<ROW_THREADS, 1, 2>>(grad, output, grad_x, length, log, block);
    }
}

// --- along another axis --------------------------------------------------------------------------

// What a thread has of WIDTH neighbouring columns of INPUTS arrays: every blockDim.y-th place of their length, kept in
// registers (STEPS > 0) or read again for each pass (STEPS = 0).
template <int WIDTH, int INPUTS, int STEPS>
struct Columns {
    const SCALAR* from[INPUTS];
    INDEX length, inner;
    bool any;  // is there a column for this thread
    INDEX start = 0;
    Packs<WIDTH, INPUTS> kept[STEPS > 0 ? STEPS : 1];

    __device__ __forceinline__ Columns(const SCALAR* const (&arrays)[INPUTS], INDEX outer, INDEX length, INDEX inner)
        : length(length), inner(inner) {
        const INDEX column = (static_cast<INDEX>(blockIdx.x) * blockDim.x + threadIdx.x) * WIDTH;
        any = column < outer * inner;
        if (!any) return;
        const INDEX plane = column / inner;
        start = plane * length * inner + (column - plane * inner);
#pragma unroll
        for (int i = 0; i < INPUTS; ++i) from[i] = arrays[i] + start;
#pragma unroll
        for (int k = 0; k < STEPS; ++k) {
            const INDEX place = threadIdx.y + k * blockDim.y;
            if (place < length) kept[k] = read(place);
        }
    }

    __device__ __forceinline__ Packs<WIDTH, INPUTS> read(INDEX place) const {
        Packs<WIDTH, INPUTS> packs;
#pragma unroll
        for (int i = 0; i < INPUTS; ++i) packs.of[i] = load_pack<WIDTH>(from[i] + place * inner);
        return packs;
    }

    // body(place, packs)
    template <class Body>
    __device__ __forceinline__ void visit(Body body) const {
        if (!any) return;
        if constexpr (STEPS > 0) {
#pragma unroll
            for (int k = 0; k < STEPS; ++k) {
                const INDEX place = threadIdx.y + k * blockDim.y;
                if (place < length) body(place, kept[k]);
            }
        } else {
            for (INDEX place = threadIdx.y; place < length; place += blockDim.y) body(place, read(place));
        }
    }

    // out[place] = f(j, the values of column j)
    template <class Function>
    __device__ __forceinline__ void write(SCALAR* __restrict__ out, Function f) const {
        visit([&](INDEX place, const Packs<WIDTH, INPUTS>& packs) {
            Pack<SCALAR, WIDTH> result;
#pragma unroll
            for (int j = 0; j < WIDTH; ++j) result.values[j] = from_real<SCALAR>(f(j, values_at(packs, j)));
            store_pack<WIDTH>(out + start + place * inner, result);
        });
    }
};

template <int WIDTH, int STEPS>
static __device__ __forceinline__ void forward_columns(const SCALAR* __restrict__ x, SCALAR* __restrict__ out,
                                                       INDEX outer, INDEX length, INDEX inner, int log) {
    const Columns<WIDTH, 1, STEPS> columns({x}, outer, length, inner);
    RunningStatistics running[WIDTH];
    columns.visit([&](INDEX, const Packs<WIDTH, 1>& packs) {
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) running[j].add({to_real(packs.of[0].values[j])});
    });
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
#pragma unroll
    for (int j = 0; j < WIDTH; ++j) total.values[j] = log ? logarithm(total.values[j]) : 1 / total.values[j];
    columns.write(out, [&](int j, Values<1> v) {
        const REAL shifted = v.of[0] - largest.values[j];
        return log ? shifted - total.values[j] : exponential(shifted) * total.values[j];
    });
}

template <int WIDTH, int STEPS>
static __device__ __forceinline__ void backward_columns(const SCALAR* __restrict__ grad,
                                                        const SCALAR* __restrict__ output,
                                                        SCALAR* __restrict__ grad_x, INDEX outer, INDEX length,
                                                        INDEX inner, int log) {
    const Columns<WIDTH, 2, STEPS> columns({grad, output}, outer, length, inner);
    Pack<REAL, WIDTH> sum{};
    columns.visit([&](INDEX, const Packs<WIDTH, 2>& packs) {
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            const Values<2> v = values_at(packs, j);
            sum.values[j] += log ? v.of[0] : v.of[0] * v.of[1];
        }
    });
    reduce_over_y<Sum>(sum);
    columns.write(grad_x, [&](int j, Values<2> v) {
        return log ? v.of[0] - exponential(v.of[1]) * sum.values[j] : v.of[1] * (v.of[0] - sum.values[j]);
    });
}

// Grid: ceil(outer * inner / (x * WIDTH)) for blocks of (x, y) threads. `width`: VECTOR where 16-byte accesses are
// possible, which takes an inner that it divides, else 1. Bytes: each array once up to COLUMN_STEPS * y places, which
// registers hold, else the inputs twice.
#define COLUMN_STEPS 4
// registers: 64
// vector: 128
extern "C" __global__ void __launch_bounds__(COLUMN_THREADS, 4)
    softmax_forward_columns(const SCALAR* __restrict__ x, SCALAR* __restrict__ out, INDEX outer, INDEX length,
                            INDEX inner, int log, int width) {
    if (width == VECTOR && length <= COLUMN_STEPS * blockDim.y) {
        forward_columns<VECTOR, COLUMN_STEPS>(x, out, outer, length, inner, log);
    } else if (width == VECTOR) {
        forward_columns<VECTOR, 0>(x, out, outer, length, inner, log);
    } else if (length <= COLUMN_STEPS * blockDim.y) {
        forward_columns<1, COLUMN_STEPS>(x, out, outer, length, inner, log);
    } else {
        forward_columns<1, 0>(x, out, outer, length, inner, log);
    }
}

// registers: 80
// vector: 128
extern "C" __global__ void __launch_bounds__(COLUMN_THREADS, 3)
    softmax_backward_columns(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ output,
                             SCALAR* __restrict__ grad_x, INDEX outer, INDEX length, INDEX inner, int log,
                             int width) {
    if (width == VECTOR && length <= COLUMN_STEPS * blockDim.y) {
        backward_columns<VECTOR, COLUMN_STEPS>(grad, output, grad_x, outer, length, inner, log);
    } else if (width == VECTOR) {
        backward_columns<VECTOR, 0>(grad, output, grad_x, outer, length, inner, log);
    } else if (length <= COLUMN_STEPS * blockDim.y) {
        backward_columns<1, COLUMN_STEPS>(grad, output, grad_x, outer, length, inner, log);
    } else {
        backward_columns<1, 0>(grad, output, grad_x, outer, length, inner, log);
    }
}
