// What normalisation by batch and by groups share: statistics that are exact at any mean, values normalised by them,
// and reductions of several numbers for each channel.
//
// A float32 mean of 1e4 is rounded to a thousandth, which is too much where the deviation is 1. So deviations are
// taken from a value of the data, their mean and squares are found by Welford's and Chan's updates (Chan, Golub,
// LeVeque, "Algorithms for computing the sample variance", 1983), and a mean is kept as the sum of two numbers.
#pragma once
#include "columns.cuh"
#include "common.cuh"

// Statistics lie in memory as (3, count): the means, what rounding took from them, 1 / sqrt(variance + eps).
struct Statistic {
    REAL mean, rest, inverse;

    __device__ __forceinline__ REAL deviation(REAL x) const { return x - mean - rest; }
    __device__ __forceinline__ REAL normalised(REAL x) const { return deviation(x) * inverse; }
};

static __device__ __forceinline__ Statistic load_statistic(const REAL* __restrict__ statistics, INDEX count,
                                                           INDEX i) {
    return Statistic{statistics[i], statistics[count + i], statistics[2 * count + i]};
}

static __device__ __forceinline__ void store_statistic(REAL* __restrict__ statistics, INDEX count, INDEX i,
                                                       const Statistic& s) {
    statistics[i] = s.mean;
    statistics[count + i] = s.rest;
    statistics[2 * count + i] = s.inverse;
}

template <int WIDTH>
static __device__ __forceinline__ Pack<REAL, WIDTH> to_reals(const Pack<SCALAR, WIDTH>& stored) {
    Pack<REAL, WIDTH> values;
#pragma unroll
    for (int j = 0; j < WIDTH; ++j) values.values[j] = to_real(stored.values[j]);
    return values;
}

// --- what is reduced: an accumulator of WIDTH columns ---------------------------------------------
//
//   merge(other)        with what another thread or block found
//   combine(total)      over all threads of a group: total(pack) replaces each number by its sum over them
//   store(to, stride)   and load(from, stride): its NUMBERS packs of numbers, `stride` apart

// Mean, and sum of the squared deviations from it.
template <int WIDTH>
struct Moments {
    static constexpr int NUMBERS = 3;
    REAL count = 0;
    Pack<REAL, WIDTH> mean{}, squares{};

    // One more value for each column.
    __device__ __forceinline__ void add(const Pack<REAL, WIDTH>& values) {
        count += 1;
        const REAL share = 1 / count;
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            const REAL off = values.values[j] - mean.values[j];
            mean.values[j] += off * share;
            squares.values[j] += off * (values.values[j] - mean.values[j]);
        }
    }

    // N more values of the one column.
    template <int N>
    __device__ __forceinline__ void add_all(const Pack<REAL, N>& values) {
        static_assert(WIDTH == 1, "values of one column");
        Moments more;
        more.count = N;
#pragma unroll
        for (int j = 0; j < N; ++j) more.mean.values[0] += values.values[j] * (REAL(1) / N);
#pragma unroll
        for (int j = 0; j < N; ++j) {
            const REAL off = values.values[j] - more.mean.values[0];
            more.squares.values[0] += off * off;
        }
        merge(more);
    }

    __device__ __forceinline__ void merge(const Moments& other) {
        const REAL total = count + other.count;
        const REAL share = other.count / larger(total, REAL(1));
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            const REAL off = other.mean.values[j] - mean.values[j];
            mean.values[j] += off * share;
            squares.values[j] += other.squares.values[j] + off * off * count * share;
        }
        count = total;
    }

    template <class Total>
    __device__ __forceinline__ void combine(const Total& total) {
        Pack<REAL, 1> all{{count}};
        Pack<REAL, WIDTH> middle;
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) middle.values[j] = count * mean.values[j];
        total(all);
        total(middle);
        const REAL share = 1 / larger(all.values[0], REAL(1));
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            middle.values[j] *= share;
            const REAL off = mean.values[j] - middle.values[j];
            squares.values[j] += count * off * off;
        }
        total(squares);
        mean = middle;
        count = all.values[0];
    }

    __device__ __forceinline__ void store(REAL* to, INDEX stride) const {
        Pack<REAL, WIDTH> counts;
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) counts.values[j] = count;
        store_pack<WIDTH>(to, counts);
        store_pack<WIDTH>(to + stride, mean);
        store_pack<WIDTH>(to + 2 * stride, squares);
    }
    __device__ __forceinline__ void load(const REAL* from, INDEX stride) {
        count = load_pack<WIDTH>(from).values[0];
        mean = load_pack<WIDTH>(from + stride);
        squares = load_pack<WIDTH>(from + 2 * stride);
    }

    // Of a column whose values were taken relative to `around`, one of them.
    __device__ __forceinline__ REAL variance(int j) const { return squares.values[j] / count; }
    __device__ __forceinline__ Statistic statistic(int j, REAL around, REAL eps) const {
        const REAL off = mean.values[j], sum = around + off, added = sum - around;
        const REAL rest = (around - (sum - added)) + (off - added);  // Knuth's TwoSum: exact
        return Statistic{sum, rest, 1 / square_root(variance(j) + eps)};
    }
};

// Two sums.
template <int WIDTH>
struct Sums {
    static constexpr int NUMBERS = 2;
    Pack<REAL, WIDTH> first{}, second{};

    __device__ __forceinline__ void merge(const Sums& other) {
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            first.values[j] += other.first.values[j];
            second.values[j] += other.second.values[j];
        }
    }
    template <class Total>
    __device__ __forceinline__ void combine(const Total& total) {
        total(first);
        total(second);
    }
    __device__ __forceinline__ void store(REAL* to, INDEX stride) const {
        store_pack<WIDTH>(to, first);
        store_pack<WIDTH>(to + stride, second);
    }
    __device__ __forceinline__ void load(const REAL* from, INDEX stride) {
        first = load_pack<WIDTH>(from);
        second = load_pack<WIDTH>(from + stride);
    }
};

// --- over every axis but one, in one launch and a fixed order: as channel_sums.cuh does it --------

#define NORM_THREADS 256
// Blocks a multiprocessor: left to itself the compiler aims at more of them and spills on some architectures; 64-bit
// indices take more registers.
constexpr int COLUMN_BLOCKS = sizeof(INDEX) == 4 ? 3 : 2, PLANE_BLOCKS = sizeof(INDEX) == 4 ? 4 : 2;
static_assert(NORM_THREADS <= COLUMN_THREADS, "blocks beside columns have shared memory for so many threads");

template <int WIDTH>
static __device__ __forceinline__ INDEX first_column() {
    return (static_cast<INDEX>(blockIdx.x) * blockDim.x + threadIdx.x) * WIDTH;
}

// Grid: (ceil(channels / (blockDim.x * WIDTH)), shares of the rows) of blocks of (x, y) threads. WIDTH divides
// channels. add(accumulator, row, first): the elements first, ..., first + WIDTH - 1, which lie in this row.
// partials: (NUMBERS, gridDim.y, channels), aligned to a Pack<REAL, WIDTH>; tickets: (gridDim.x).
template <int WIDTH, class Accumulator, class Add, class Finish>
static __device__ __forceinline__ void reduce_columns(INDEX rows, INDEX channels, const Add& add,
                                                      const Finish& finish, REAL* partials, unsigned* tickets) {
    const INDEX channel = first_column<WIDTH>();
    const bool inside = channel < channels;
    const auto total = [](auto& pack) { reduce_over_y<Sum>(pack); };
    Accumulator found;
    if (inside) {
        const INDEX step = static_cast<INDEX>(gridDim.y) * blockDim.y;
        for (INDEX row = static_cast<INDEX>(blockIdx.y) * blockDim.y + threadIdx.y; row < rows; row += step) {
            add(found, row, row * channels + channel);
        }
    }
    found.combine(total);
    if (gridDim.y > 1) {
        const INDEX stride = static_cast<INDEX>(gridDim.y) * channels;
        if (inside && threadIdx.y == 0) found.store(partials + blockIdx.y * channels + channel, stride);
        if (!is_last_block(tickets + blockIdx.x, gridDim.y)) return;
        found = Accumulator{};
        if (inside) {
            for (INDEX share = threadIdx.y; share < gridDim.y; share += blockDim.y) {
                Accumulator other;
                other.load(partials + share * channels + channel, stride);
                found.merge(other);
            }
        }
        found.combine(total);
    }
    if (inside && threadIdx.y == 0) finish(channel, found);
}

// Grid: (channels, shares of the elements); blockDim.x is a multiple of 32. WIDTH divides inner.
// add(accumulator, plane, first): the elements first, ..., first + WIDTH - 1, which lie in plane `plane` of the
// channel blockIdx.x. partials: (NUMBERS, gridDim.y, channels), tickets: (channels).
template <int WIDTH, class Accumulator, class Add, class Finish>
static __device__ __forceinline__ void reduce_planes(INDEX outer, INDEX channels, INDEX inner, const Add& add,
                                                     const Finish& finish, REAL* partials, unsigned* tickets) {
    __shared__ REAL shared[NORM_THREADS / 32];
    const auto total = [&](auto& pack) { pack.values[0] = block_reduce<Sum>(pack.values[0], shared); };
    const INDEX channel = blockIdx.x;
    const INDEX packs_in_plane = inner / WIDTH;
    const INDEX packs = outer * packs_in_plane;
    const INDEX step = static_cast<INDEX>(gridDim.y) * blockDim.x;
    const INDEX step_planes = step / packs_in_plane;  // divided once: a step is so many planes and
    const INDEX step_places = step - step_planes * packs_in_plane;  // so many packs more
    INDEX pack = static_cast<INDEX>(blockIdx.y) * blockDim.x + threadIdx.x;
    INDEX plane = pack / packs_in_plane;
    INDEX place = pack - plane * packs_in_plane;
    Accumulator found;
    for (; pack < packs; pack += step) {
        add(found, plane, (plane * channels + channel) * inner + place * WIDTH);
        plane += step_planes;
        place += step_places;
        if (place >= packs_in_plane) {
            place -= packs_in_plane;
            ++plane;
        }
    }
    found.combine(total);
    if (gridDim.y > 1) {
        const INDEX stride = static_cast<INDEX>(gridDim.y) * channels;
        if (threadIdx.x == 0) found.store(partials + blockIdx.y * channels + channel, stride);
        if (!is_last_block(tickets + blockIdx.x, gridDim.y)) return;
        found = Accumulator{};
        for (INDEX share = threadIdx.x; share < gridDim.y; share += blockDim.x) {
            Accumulator other;
            other.load(partials + share * channels + channel, stride);
            found.merge(other);
        }
        found.combine(total);
    }
    if (threadIdx.x == 0) finish(channel, found);
}
