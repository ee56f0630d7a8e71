// What the kernels of batch normalisation share: running statistics, and what is done to each element of a channel.
#pragma once
#include "normalization.cuh"

// Writes the statistics of a channel, and moves the running ones (SCALAR, may be null) towards them: by the share
// `momentum`, or, if `cumulative`, by 1 / (batches so far + 1).
struct StoreStatistics {
    REAL* __restrict__ statistics;
    SCALAR* __restrict__ running_mean;
    SCALAR* __restrict__ running_var;
    const long long* __restrict__ batches;
    INDEX channels;
    int cumulative;
    REAL momentum, eps;

    template <int WIDTH>
    __device__ __forceinline__ void operator()(INDEX channel, const Moments<WIDTH>& found,
                                               const Pack<REAL, WIDTH>& around) const {
        const REAL share = cumulative ? REAL(1.0 / static_cast<double>(*batches + 1)) : momentum;
        const REAL unbiased = found.count / larger(found.count - 1, REAL(1));
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            const Statistic s = found.statistic(j, around.values[j], eps);
            store_statistic(statistics, channels, channel + j, s);
            if (running_mean) move(running_mean[channel + j], s.mean, share);
            if (running_var) move(running_var[channel + j], found.variance(j) * unbiased, share);
        }
    }
    static __device__ __forceinline__ void move(SCALAR& running, REAL to, REAL share) {
        running = from_real<SCALAR>((1 - share) * to_real(running) + share * to);
    }
};

// --- element by element: out = of_grad * grad + of_x * (x - mean - rest) + constant ----------------

struct Line {
    REAL mean, rest, of_grad, of_x, constant;
};

// At one element. `grad` and `x` are the arrays, null for a factor that is zero.
static __device__ __forceinline__ REAL along(const Line& line, const SCALAR* grad, SCALAR g, const SCALAR* x,
                                             SCALAR value) {
    REAL sum = line.constant;
    if (x) sum += line.of_x * (to_real(value) - line.mean - line.rest);
    if (grad) sum += line.of_grad * to_real(g);
    return sum;
}

// (x - mean) / sqrt(variance + eps) * weight + bias
static __device__ __forceinline__ Line result_line(const Statistic& s, const SCALAR* weight, const SCALAR* bias,
                                                   INDEX channel) {
    return Line{s.mean, s.rest, 0, weight ? s.inverse * to_real(weight[channel]) : s.inverse,
                bias ? to_real(bias[channel]) : REAL(0)};
}

// From the sums of g and of g * (x - mean) over a channel: the gradients of weight and bias, and of x, which is
// inverse * weight * (g - sum(g) / n - normalised * sum(g * normalised) / n).
struct Gradients {
    REAL weight, bias;
    Line x;
};

// `weight`: the channel's, or null.
template <int WIDTH>
static __device__ __forceinline__ Gradients gradients(const Statistic& s, const Sums<WIDTH>& found, int j,
                                                      const SCALAR* weight, REAL elements) {
    const REAL by_bias = found.first.values[j], by_weight = found.second.values[j] * s.inverse;
    const REAL factor = weight ? s.inverse * to_real(*weight) : s.inverse;
    return Gradients{by_weight, by_bias,
                     Line{s.mean, s.rest, factor, -factor * s.inverse * by_weight / elements,
                          -factor * by_bias / elements}};
}
