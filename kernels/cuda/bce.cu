// Binary cross-entropy of logits x with targets t, loss and gradient in one launch:
//
//     loss = w * ((1 - t) * x + q * log(1 + exp(-x)))     q = 1 + (pos_weight - 1) * t
//     gradient = w * ((1 - t) - q * sigmoid(-x))
//
// The array is one long plane whose elements a grid of blocks shares out; the loss is summed as channel_sums.cuh says.
// Bytes: each of logits, target and gradient once, the weights once for every element that they are broadcast to.
#include "activations.cuh"
#include "broadcast.cuh"
#include "channel_sums.cuh"

#define REDUCTION_NONE 0
#define REDUCTION_MEAN 1

static __device__ __forceinline__ float log_one_plus(float x) { return log1pf(x); }
static __device__ __forceinline__ double log_one_plus(double x) { return log1p(x); }

// A weight that is broadcast to the logits: values along one axis of (outer, channels, inner), or null: 1.
struct Weight {
    const SCALAR* __restrict__ values;
    INDEX channels, inner;

    template <int WIDTH>
    __device__ __forceinline__ Pack<REAL, WIDTH> at(INDEX first) const {
        Pack<REAL, WIDTH> weights;
        Pack<SCALAR, WIDTH> stored{};
        if (values) stored = channel_values<WIDTH>(values, first, channels, inner);
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) weights.values[j] = values ? to_real(stored.values[j]) : REAL(1);
        return weights;
    }
};

struct Loss {
    const SCALAR* __restrict__ logits;
    const SCALAR* __restrict__ target;
    SCALAR* __restrict__ gradient;
    SCALAR* __restrict__ losses;  // of each element, or null: only the sum is wanted
    Weight weight, pos_weight;
    REAL scale;  // of the gradient

    // Writes the gradient, and hands the loss on to be summed.
    template <int WIDTH>
    __device__ __forceinline__ Pack<REAL, WIDTH> at(INDEX first) const {
        const Pack<SCALAR, WIDTH> xs = load_pack<WIDTH>(logits + first), ts = load_pack<WIDTH>(target + first);
        const Pack<REAL, WIDTH> ws = weight.at<WIDTH>(first), ps = pos_weight.at<WIDTH>(first);
        Pack<REAL, WIDTH> loss;
        Pack<SCALAR, WIDTH> stored_gradient, stored_loss;
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            const REAL x = to_real(xs.values[j]), t = to_real(ts.values[j]);
            const REAL q = 1 + (ps.values[j] - 1) * t;
            const REAL softplus = larger(-x, REAL(0)) + log_one_plus(exponential(-absolute(x)));  // log(1 + exp(-x))
            loss.values[j] = ws.values[j] * ((1 - t) * x + q * softplus);
            const REAL slope = ws.values[j] * ((1 - t) - q * activations::logistic(-x));
            stored_gradient.values[j] = from_real<SCALAR>(slope * scale);
            stored_loss.values[j] = from_real<SCALAR>(loss.values[j]);
        }
        store_pack<WIDTH>(gradient + first, stored_gradient);
        if (losses) store_pack<WIDTH>(losses + first, stored_loss);
        return loss;
    }
};

struct StoreLoss {
    SCALAR* __restrict__ loss;
    REAL scale;
    __device__ __forceinline__ void operator()(INDEX, REAL sum) const {
        if (loss) *loss = from_real<SCALAR>(sum * scale);
    }
};

// On a multiprocessor; the three leave a thread 80 registers.
constexpr int BCE_BLOCKS = sizeof(REAL) + sizeof(INDEX) > 12 ? 3 : 4;

// `loss` is (n) with REDUCTION_NONE, else a single value. `width`: VECTOR where 16-byte accesses are possible, else 1.
// registers: 64 where SCALAR=float,half_t
// registers: 64 where INDEX=int
// registers: 80
// vector: 128
extern "C" __global__ void __launch_bounds__(SUM_THREADS, BCE_BLOCKS)
    bce_with_logits(const SCALAR* __restrict__ logits, const SCALAR* __restrict__ target,
                    const SCALAR* __restrict__ weight, const SCALAR* __restrict__ pos_weight,
                    SCALAR* __restrict__ loss, SCALAR* __restrict__ gradient, REAL* partials, unsigned* ticket,
                    INDEX n, INDEX weight_channels, INDEX weight_inner, INDEX pos_channels, INDEX pos_inner,
                    int reduction, int width) {
    // 1 / n, NaN for a mean over nothing
    const REAL scale = reduction != REDUCTION_MEAN ? REAL(1) : n > 0 ? 1 / REAL(n) : infinity(REAL()) * 0;
    const bool summed = reduction != REDUCTION_NONE;
    const Loss element{logits,
                       target,
                       gradient,
                       summed ? nullptr : loss,
                       {weight, weight_channels, weight_inner},
                       {pos_weight, pos_channels, pos_inner},
                       scale};
    const StoreLoss store{summed ? loss : nullptr, scale};
    if (width == VECTOR) {
        sum_planes<VECTOR>(1, 1, n, element, store, partials, ticket);
    } else {
        sum_planes<1>(1, 1, n, element, store, partials, ticket);
    }
}
