// Rows of arrays, each worked on by a group of threads: a warp, or a block of ROW_THREADS.
//
// `RegisterRows` reads the row once and keeps it in registers, STEPS * WIDTH elements a thread. `MemoryRows` reads it
// again for each pass over it. Both hold the same row of INPUTS arrays and are used by
//
//   each(rows, body)      body(place, values): `values` are the INPUTS elements at this place of the row
//   write(rows, out, f)   out[place] = f(place, values)
//
// which go through the places of one thread. WIDTH, how many elements a thread takes at a time, divides the length.
#pragma once
#include "common.cuh"

#define ROW_THREADS 256
#define ROW_BLOCKS (SCALAR_BYTES == 8 ? 1 : 2)  // a multiprocessor: rows of doubles take more than 128 registers
#define VECTOR_STEPS (32 / VECTOR)  // 1024 elements in a warp, 8192 in a block
#define SCALAR_STEPS 4              // for rows that 16-byte accesses do not fit: 128 elements in a warp

template <int THREADS>
struct Group {
    REAL* shared;  // THREADS / 32 elements; a warp needs none

    static __device__ __forceinline__ int thread() { return threadIdx.x % THREADS; }

    // Over the group; every thread gets the result.
    template <class Operation>
    __device__ __forceinline__ REAL reduce(REAL value) const {
        if constexpr (THREADS == 32) {
            return warp_reduce<Operation>(value);
        } else {
            return block_reduce<Operation, THREADS>(value, shared);
        }
    }
};

template <int N, int INPUTS>
struct Packs {
    Pack<SCALAR, N> of[INPUTS];
};

template <int THREADS, int N, int INPUTS, int STEPS>
struct RegisterRows {
    static constexpr int WIDTH = N, COUNT = INPUTS, MOST = STEPS * N * THREADS;  // elements
    Packs<N, INPUTS> packs[STEPS];
    int length;

    // visit(body) in the order of the places: body(first, packs) for the WIDTH places from `first` on
    template <class Body>
    __device__ __forceinline__ void visit(Body body) const {
#pragma unroll
        for (int k = 0; k < STEPS; ++k) {
            if (k * THREADS * WIDTH >= length) break;  // the same for all threads: a short row costs little
            const int first = (k * THREADS + Group<THREADS>::thread()) * WIDTH;
            if (first < length) body(static_cast<INDEX>(first), packs[k]);
        }
    }

    __device__ __forceinline__ RegisterRows(const SCALAR* const (&rows)[INPUTS], INDEX count) : length(count) {
#pragma unroll
        for (int k = 0; k < STEPS; ++k) {
            if (k * THREADS * WIDTH >= length) break;
            const int first = (k * THREADS + Group<THREADS>::thread()) * WIDTH;
            if (first < length) {
#pragma unroll
                for (int i = 0; i < INPUTS; ++i) packs[k].of[i] = load_pack<WIDTH>(rows[i] + first);
            }
        }
    }
};

template <int THREADS, int N, int INPUTS>
struct MemoryRows {
    static constexpr int WIDTH = N, COUNT = INPUTS;
    const SCALAR* rows[INPUTS];
    INDEX length;

    template <class Body>
    __device__ __forceinline__ void visit(Body body) const {
        for (INDEX first = Group<THREADS>::thread() * WIDTH; first < length; first += THREADS * WIDTH) {
            Packs<N, INPUTS> packs;
#pragma unroll
            for (int i = 0; i < INPUTS; ++i) packs.of[i] = load_pack<WIDTH>(rows[i] + first);
            body(first, packs);
        }
    }

    __device__ __forceinline__ MemoryRows(const SCALAR* const (&from)[INPUTS], INDEX count) : length(count) {
#pragma unroll
        for (int i = 0; i < INPUTS; ++i) rows[i] = from[i];
    }
};

template <int COUNT>
struct Values {
    REAL of[COUNT];
};

template <int WIDTH, int COUNT>
static __device__ __forceinline__ Values<COUNT> values_at(const Packs<WIDTH, COUNT>& packs, int j) {
    Values<COUNT> values;
#pragma unroll
    for (int i = 0; i < COUNT; ++i) values.of[i] = to_real(packs.of[i].values[j]);
    return values;
}

template <class Rows, class Body>
static __device__ __forceinline__ void each(const Rows& rows, Body body) {
    rows.visit([&](INDEX first, const Packs<Rows::WIDTH, Rows::COUNT>& packs) {
#pragma unroll
        for (int j = 0; j < Rows::WIDTH; ++j) body(first + j, values_at(packs, j));
    });
}

template <class Rows, class Function>
static __device__ __forceinline__ void write(const Rows& rows, SCALAR* __restrict__ out, Function f) {
    rows.visit([&](INDEX first, const Packs<Rows::WIDTH, Rows::COUNT>& packs) {
        Pack<SCALAR, Rows::WIDTH> result;
#pragma unroll
        for (int j = 0; j < Rows::WIDTH; ++j) {
            result.values[j] = from_real<SCALAR>(f(first + j, values_at(packs, j)));
        }
        store_pack<Rows::WIDTH>(out + first, result);
    });
}

// --- softmax statistics of a row: its maximum, and the sum of exp(x - maximum) -------------------

struct Statistics {
    REAL largest, total;
};

// A running maximum with the sum that belongs to it (Milakov, Gimelshein, arXiv:1805.02867). Elements of -inf add
// nothing; a maximum of inf makes the sum NaN, as it should be.
struct RunningStatistics {
    REAL largest = -infinity(REAL());
    REAL total = 0;

    template <int COUNT>
    __device__ __forceinline__ void add(const REAL (&values)[COUNT]) {
        REAL higher = largest;
#pragma unroll
        for (int j = 0; j < COUNT; ++j) higher = larger(higher, values[j]);
        rescale(higher);
#pragma unroll
        for (int j = 0; j < COUNT; ++j) {
            total += values[j] == -infinity(REAL()) ? REAL(0) : exponential(values[j] - largest);
        }
    }
    // To another maximum that is not lower.
    __device__ __forceinline__ void rescale(REAL higher) {
        if (higher != largest) total *= exponential(largest - higher);
        largest = higher;
    }
};

template <int THREADS, int WIDTH, int COUNT, int STEPS>
static __device__ __forceinline__ Statistics softmax_statistics(const RegisterRows<THREADS, WIDTH, COUNT, STEPS>& row,
                                                                Group<THREADS> group) {
    REAL largest = -infinity(REAL()), total = 0;
    each(row, [&](INDEX, Values<COUNT> x) { largest = larger(largest, x.of[0]); });
    largest = group.template reduce<Larger>(largest);
    each(row, [&](INDEX, Values<COUNT> x) { total += exponential(x.of[0] - largest); });
    return Statistics{largest, group.template reduce<Sum>(total)};
}

// In one pass, because every pass reads the row.
template <int THREADS, int WIDTH, int COUNT>
static __device__ __forceinline__ Statistics softmax_statistics(const MemoryRows<THREADS, WIDTH, COUNT>& row,
                                                                Group<THREADS> group) {
    RunningStatistics running;
    row.visit([&](INDEX, const Packs<WIDTH, COUNT>& packs) {
        REAL values[WIDTH];
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) values[j] = to_real(packs.of[0].values[j]);
        running.add(values);
    });
    running.rescale(group.template reduce<Larger>(running.largest));
    return Statistics{running.largest, group.template reduce<Sum>(running.total)};
}
