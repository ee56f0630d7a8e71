// Batch normalisation of an array that is seen as (outer, channels, inner), in training and with given statistics.
//
//   forward   batch_norm_statistics_*  reads x: the statistics of each channel; moves the running ones
//             batch_norm_apply         reads x, writes the result
//   backward  batch_norm_sums_*        reads grad and x: the gradients of weight and bias, and what the next needs
//             batch_norm_gradient      reads grad and x, writes the gradient of x
//
// Nothing can be normalised before all of a channel has been read, and a channel is spread over the whole array, so two
// launches each is the least without a barrier for the grid. Which threads sum what: see normalization.cuh.
#include "batch_norm.cuh"

// --- forward: the statistics ---------------------------------------------------------------------

template <int WIDTH>
static __device__ __forceinline__ void statistics_of_columns(const SCALAR* __restrict__ x, const StoreStatistics& store,
                                                             REAL* partials, unsigned* tickets, INDEX rows,
                                                             INDEX channels) {
    Pack<REAL, WIDTH> around{};  // the first row
    if (first_column<WIDTH>() < channels) around = to_reals(load_pack<WIDTH>(x + first_column<WIDTH>()));
    reduce_columns<WIDTH, Moments<WIDTH>>(
        rows, channels,
        [&](Moments<WIDTH>& found, INDEX, INDEX first) {
            Pack<REAL, WIDTH> values = to_reals(load_pack<WIDTH>(x + first));
#pragma unroll
            for (int j = 0; j < WIDTH; ++j) values.values[j] -= around.values[j];
            found.add(values);
        },
        [&](INDEX channel, const Moments<WIDTH>& found) { store(channel, found, around); }, partials, tickets);
}

template <int WIDTH>
static __device__ __forceinline__ void statistics_of_planes(const SCALAR* __restrict__ x, const StoreStatistics& store,
                                                            REAL* partials, unsigned* tickets, INDEX outer,
                                                            INDEX channels, INDEX inner) {
    const REAL around = to_real(x[static_cast<INDEX>(blockIdx.x) * inner]);  // the channel's first value
    reduce_planes<WIDTH, Moments<1>>(
        outer, channels, inner,
        [&](Moments<1>& found, INDEX, INDEX first) {
            Pack<REAL, WIDTH> values = to_reals(load_pack<WIDTH>(x + first));
#pragma unroll
            for (int j = 0; j < WIDTH; ++j) values.values[j] -= around;
            found.add_all(values);
        },
        [&](INDEX channel, const Moments<1>& found) { store(channel, found, Pack<REAL, 1>{{around}}); }, partials,
        tickets);
}

// inner = 1. `width` is how many elements a thread takes at a time: VECTOR where alignment and shape allow it, else 1.
// Bytes: x once, and the partial results (of whose packs of equal counts one number is read).
// registers: 80 where INDEX=int
// registers: 128
// vector: 128 loads except 1
extern "C" __global__ void __launch_bounds__(NORM_THREADS, COLUMN_BLOCKS)
    batch_norm_statistics_columns(const SCALAR* __restrict__ x, REAL* statistics, SCALAR* running_mean,
                                  SCALAR* running_var, const long long* batches, REAL* partials, unsigned* tickets,
                                  INDEX rows, INDEX channels, int width, int cumulative, REAL momentum, REAL eps) {
    const StoreStatistics store{statistics, running_mean, running_var, batches, channels, cumulative, momentum, eps};
    if (width == VECTOR) {
        statistics_of_columns<VECTOR>(x, store, partials, tickets, rows, channels);
    } else {
        statistics_of_columns<1>(x, store, partials, tickets, rows, channels);
    }
}

// registers: 64 where INDEX=int
// registers: 128
// vector: 128 loads
extern "C" __global__ void __launch_bounds__(NORM_THREADS, PLANE_BLOCKS)
    batch_norm_statistics_planes(const SCALAR* __restrict__ x, REAL* statistics, SCALAR* running_mean,
                                 SCALAR* running_var, const long long* batches, REAL* partials, unsigned* tickets,
                                 INDEX outer, INDEX channels, INDEX inner, int width, int cumulative, REAL momentum,
                                 REAL eps) {
    const StoreStatistics store{statistics, running_mean, running_var, batches, channels, cumulative, momentum, eps};
    if (width == VECTOR) {
        statistics_of_planes<VECTOR>(x, store, partials, tickets, outer, channels, inner);
    } else {
        statistics_of_planes<1>(x, store, partials, tickets, outer, channels, inner);
    }
}

// --- element by element: out = of_grad * grad + of_x * (x - mean - rest) + constant ----------------

// Of the elements first, ..., first + WIDTH - 1, each by the line of its channel.
template <int WIDTH, class LineOf>
static __device__ __forceinline__ void along_lines(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ x,
                                                   SCALAR* __restrict__ out, INDEX first, INDEX channels, INDEX inner,
                                                   const LineOf& line_of) {
    Pack<SCALAR, WIDTH> grads{}, values{};
    if (grad) grads = load_pack<WIDTH>(grad + first);
    if (x) values = load_pack<WIDTH>(x + first);
    const INDEX row = first / inner;
    INDEX place = first - row * inner, channel = row % channels;
    Line line = line_of(channel);  // read once, as often as not for the whole pack
    Pack<SCALAR, WIDTH> result;
#pragma unroll
    for (int j = 0; j < WIDTH; ++j) {
        result.values[j] = from_real<SCALAR>(along(line, grad, grads.values[j], x, values.values[j]));
        if (++place == inner && j + 1 < WIDTH) {
            place = 0;
            if (++channel == channels) channel = 0;
            line = line_of(channel);
        }
    }
    store_pack<WIDTH>(out + first, result);
}

template <class LineOf>
static __device__ __forceinline__ void all_along_lines(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ x,
                                                       SCALAR* __restrict__ out, INDEX n, INDEX channels, INDEX inner,
                                                       const LineOf& line_of) {
    const INDEX packs = is_aligned(grad) && is_aligned(x) && is_aligned(out) ? n / VECTOR : 0;
    for (INDEX i = grid_start<INDEX>(); i < packs; i += grid_stride<INDEX>()) {
        along_lines<VECTOR>(grad, x, out, i * VECTOR, channels, inner, line_of);
    }
    for (INDEX i = packs * VECTOR + grid_start<INDEX>(); i < n; i += grid_stride<INDEX>()) {
        along_lines<1>(grad, x, out, i, channels, inner, line_of);
    }
}

// The same where inner = 1: a thread keeps the lines of WIDTH neighbouring columns and goes down its share of the rows.
template <int WIDTH, class LineOf>
static __device__ __forceinline__ void columns_along_lines(const SCALAR* __restrict__ grad,
                                                           const SCALAR* __restrict__ x, SCALAR* __restrict__ out,
                                                           INDEX rows, INDEX channels, const LineOf& line_of) {
    const INDEX channel = first_column<WIDTH>();
    if (channel >= channels) return;
    Line lines[WIDTH];
#pragma unroll
    for (int j = 0; j < WIDTH; ++j) lines[j] = line_of(channel + j);
    const INDEX step = static_cast<INDEX>(gridDim.y) * blockDim.y;
    for (INDEX row = static_cast<INDEX>(blockIdx.y) * blockDim.y + threadIdx.y; row < rows; row += step) {
        Pack<SCALAR, WIDTH> grads{}, values{};
        if (grad) grads = load_pack<WIDTH>(grad + row * channels + channel);
        if (x) values = load_pack<WIDTH>(x + row * channels + channel);
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            values.values[j] = from_real<SCALAR>(along(lines[j], grad, grads.values[j], x, values.values[j]));
        }
        store_pack<WIDTH>(out + row * channels + channel, values);
    }
}

// The lines of the result: by `statistics` if they are given, else by `mean` and `variance`.
struct ResultLines {
    const SCALAR* __restrict__ weight;
    const SCALAR* __restrict__ bias;
    const REAL* __restrict__ statistics;
    const SCALAR* __restrict__ mean;
    const SCALAR* __restrict__ variance;
    INDEX channels;
    REAL eps;

    __device__ __forceinline__ Line operator()(INDEX channel) const {
        Statistic s;
        if (statistics) {
            s = load_statistic(statistics, channels, channel);
        } else {
            s = Statistic{to_real(mean[channel]), 0, 1 / square_root(to_real(variance[channel]) + eps)};
        }
        return result_line(s, weight, bias, channel);
    }
};

// The result. Counts one more of `batches` (or null), whose old number the statistics before have read. Bytes: each of
// x and out once; a channel's numbers once for each part of a pack, from the L1 cache.
// registers: 64
// vector: 128 stores
extern "C" __global__ void __launch_bounds__(256, 4)
    batch_norm_apply(const SCALAR* __restrict__ x, const SCALAR* __restrict__ weight, const SCALAR* __restrict__ bias,
                     const REAL* __restrict__ statistics, const SCALAR* __restrict__ mean,
                     const SCALAR* __restrict__ variance, SCALAR* __restrict__ out, long long* batches, INDEX n,
                     INDEX channels, INDEX inner, REAL eps) {
    if (batches && grid_start<INDEX>() == 0) ++*batches;
    const ResultLines line_of{weight, bias, statistics, mean, variance, channels, eps};
    all_along_lines(nullptr, x, out, n, channels, inner, line_of);
}

// inner = 1; blocks and `width` as for the statistics. Bytes: each of x and out once.
// registers: 96 where INDEX=int
// registers: 128
// vector: 128
extern "C" __global__ void __launch_bounds__(NORM_THREADS, 2)
    batch_norm_apply_columns(const SCALAR* __restrict__ x, const SCALAR* __restrict__ weight,
                             const SCALAR* __restrict__ bias, const REAL* __restrict__ statistics,
                             const SCALAR* __restrict__ mean, const SCALAR* __restrict__ variance,
                             SCALAR* __restrict__ out, long long* batches, INDEX rows, INDEX channels, int width,
                             REAL eps) {
    if (batches && blockIdx.x + blockIdx.y + threadIdx.x + threadIdx.y == 0) ++*batches;
    const ResultLines line_of{weight, bias, statistics, mean, variance, channels, eps};
    if (width == VECTOR) {
        columns_along_lines<VECTOR>(nullptr, x, out, rows, channels, line_of);
    } else {
        columns_along_lines<1>(nullptr, x, out, rows, channels, line_of);
    }
}

// --- backward ------------------------------------------------------------------------------------

// Writes the gradients of weight and bias, and the line of the gradient of x (3, channels).
struct StoreGradients {
    const REAL* __restrict__ statistics;
    const SCALAR* __restrict__ weight;
    SCALAR* __restrict__ weight_grad;
    SCALAR* __restrict__ bias_grad;
    REAL* __restrict__ lines;
    INDEX channels;
    REAL elements;  // of a channel

    template <int WIDTH>
    __device__ __forceinline__ void operator()(INDEX channel, const Sums<WIDTH>& found) const {
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            const INDEX c = channel + j;
            const Statistic s = load_statistic(statistics, channels, c);
            const Gradients of = gradients(s, found, j, weight ? weight + c : nullptr, elements);
            weight_grad[c] = from_real<SCALAR>(of.weight);
            bias_grad[c] = from_real<SCALAR>(of.bias);
            lines[c] = of.x.of_grad;
            lines[channels + c] = of.x.of_x;
            lines[2 * channels + c] = of.x.constant;
        }
    }
};

template <int WIDTH>
static __device__ __forceinline__ void sums_of_columns(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ x,
                                                       const StoreGradients& store, REAL* partials, unsigned* tickets,
                                                       INDEX rows, INDEX channels) {
    Pack<REAL, WIDTH> mean{}, rest{};
    const INDEX column = first_column<WIDTH>();
    if (column < channels) {
        mean = load_pack<WIDTH>(store.statistics + column);
        rest = load_pack<WIDTH>(store.statistics + channels + column);
    }
    reduce_columns<WIDTH, Sums<WIDTH>>(
        rows, channels,
        [&](Sums<WIDTH>& found, INDEX, INDEX first) {
            const Pack<REAL, WIDTH> g = to_reals(load_pack<WIDTH>(grad + first));
            const Pack<REAL, WIDTH> values = to_reals(load_pack<WIDTH>(x + first));
#pragma unroll
            for (int j = 0; j < WIDTH; ++j) {
                found.first.values[j] += g.values[j];
                found.second.values[j] += g.values[j] * (values.values[j] - mean.values[j] - rest.values[j]);
            }
        },
        store, partials, tickets);
}

template <int WIDTH>
static __device__ __forceinline__ void sums_of_planes(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ x,
                                                      const StoreGradients& store, REAL* partials, unsigned* tickets,
                                                      INDEX outer, INDEX channels, INDEX inner) {
    const Statistic s = load_statistic(store.statistics, channels, blockIdx.x);
    reduce_planes<WIDTH, Sums<1>>(
        outer, channels, inner,
        [&](Sums<1>& found, INDEX, INDEX first) {
            const Pack<REAL, WIDTH> g = to_reals(load_pack<WIDTH>(grad + first));
            const Pack<REAL, WIDTH> values = to_reals(load_pack<WIDTH>(x + first));
#pragma unroll
            for (int j = 0; j < WIDTH; ++j) {
                found.first.values[0] += g.values[j];
                found.second.values[0] += g.values[j] * s.deviation(values.values[j]);
            }
        },
        store, partials, tickets);
}

// Mapped to threads as the statistics are. Bytes: each of grad and x once, and the partial sums.
// registers: 80 where INDEX=int
// registers: 128
// vector: 128 loads
extern "C" __global__ void __launch_bounds__(NORM_THREADS, COLUMN_BLOCKS)
    batch_norm_sums_columns(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ x,
                            const SCALAR* __restrict__ weight, const REAL* __restrict__ statistics,
                            SCALAR* weight_grad, SCALAR* bias_grad, REAL* lines, REAL* partials, unsigned* tickets,
                            INDEX rows, INDEX channels, int width, REAL elements) {
    const StoreGradients store{statistics, weight, weight_grad, bias_grad, lines, channels, elements};
    if (width == VECTOR) {
        sums_of_columns<VECTOR>(grad, x, store, partials, tickets, rows, channels);
    } else {
        sums_of_columns<1>(grad, x, store, partials, tickets, rows, channels);
    }
}

// registers: 64 where INDEX=int
// registers: 128
// vector: 128 loads
extern "C" __global__ void __launch_bounds__(NORM_THREADS, PLANE_BLOCKS)
    batch_norm_sums_planes(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ x,
                           const SCALAR* __restrict__ weight, const REAL* __restrict__ statistics, SCALAR* weight_grad,
                           SCALAR* bias_grad, REAL* lines, REAL* partials, unsigned* tickets, INDEX outer,
                           INDEX channels, INDEX inner, int width, REAL elements) {
    const StoreGradients store{statistics, weight, weight_grad, bias_grad, lines, channels, elements};
    if (width == VECTOR) {
        sums_of_planes<VECTOR>(grad, x, store, partials, tickets, outer, channels, inner);
    } else {
        sums_of_planes<1>(grad, x, store, partials, tickets, outer, channels, inner);
    }
}

struct GradientLines {
    const SCALAR* __restrict__ x;
    const REAL* __restrict__ statistics;
    const REAL* __restrict__ lines;
    INDEX channels;

    __device__ __forceinline__ Line operator()(INDEX channel) const {
        const REAL factor = lines[channel];
        if (!x) return Line{0, 0, factor, 0, 0};
        return Line{statistics[channel], statistics[channels + channel], factor, lines[channels + channel],
                    lines[2 * channels + channel]};
    }
};

// The gradient of x from the lines; x is null where the statistics are constants. Bytes: each of grad, x and out once.
// registers: 64
// vector: 128 stores
extern "C" __global__ void __launch_bounds__(256, 4)
    batch_norm_gradient(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ x,
                        const REAL* __restrict__ statistics, const REAL* __restrict__ lines, SCALAR* __restrict__ out,
                        INDEX n, INDEX channels, INDEX inner) {
    all_along_lines(grad, x, out, n, channels, inner, GradientLines{x, statistics, lines, channels});
}

// inner = 1; blocks and `width` as for the sums.
// registers: 96 where INDEX=int
// registers: 128
// vector: 128
extern "C" __global__ void __launch_bounds__(NORM_THREADS, 2)
    batch_norm_gradient_columns(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ x,
                                const REAL* __restrict__ statistics, const REAL* __restrict__ lines,
                                SCALAR* __restrict__ out, INDEX rows, INDEX channels, int width) {
    const GradientLines line_of{x, statistics, lines, channels};
    if (width == VECTOR) {
        columns_along_lines<VECTOR>(grad, x, out, rows, channels, line_of);
    } else {
        columns_along_lines<1>(grad, x, out, rows, channels, line_of);
    }
}
