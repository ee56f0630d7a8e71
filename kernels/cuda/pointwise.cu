// Activations that stand alone: one line each, and a kernel takes the one whose number it is given.
//
//     y = function(x)            gradient of x = backward of (x, g), with g the gradient of y
//
// The same table in Python is `dlcore.reference.POINTWISE`, which says what `alpha` and `beta` are to each; a test holds
// the two against each other. The function is chosen once, outside the loops: a compiled kernel serves all of them, and
// each thread runs one. A thread takes 16 bytes at a time; what they do not reach, or all of an array that is not
// aligned, it takes one by one. Bytes: each of x and y once, or of g, x and the gradient.
#include "activations.cuh"
#include "special_functions.cuh"

// clang-format off
#define POINTWISE_TABLE(ROW)                                                                                        \
    ROW(gelu, x / 2 * (1 + error_function(x * T(0.70710678118654752))), g * gelu_slope(x))                          \
    ROW(gelu_tanh, x / 2 * (1 + gelu_inner(x)), g * gelu_tanh_slope(x))                                             \
    ROW(silu, x * logistic(x), g * silu_slope(x))                                                                   \
    ROW(mish, x * hyperbolic_tangent(soft_plus(x)), g * mish_slope(x))                                              \
    ROW(selu, SELU_SCALE * (x > 0 ? x : SELU_ALPHA * exponential_less_one(negative(x))),                            \
        g * SELU_SCALE * (x > 0 ? T(1) : SELU_ALPHA * exponential(negative(x))))                                    \
    ROW(celu, x > 0 ? x : alpha * exponential_less_one(x / alpha), x > 0 ? g : g * exponential(x / alpha))          \
    ROW(softplus, x * alpha > beta ? x : soft_plus(x * alpha) / alpha,                                              \
        x * alpha > beta ? g : g * logistic(x * alpha))                                                             \
    ROW(log_sigmoid, -soft_plus(-x), g * logistic(-x))                                                              \
    ROW(softsign, x / (1 + absolute(x)), g / ((1 + absolute(x)) * (1 + absolute(x))))                               \
    ROW(tanhshrink, x - hyperbolic_tangent(x), g * hyperbolic_tangent(x) * hyperbolic_tangent(x))                   \
    ROW(hardsigmoid, clamp(x + 3, T(0), T(6)) / 6, x > -3 && x < 3 ? g / 6 : T(0))                                  \
    ROW(hardswish, x * clamp(x + 3, T(0), T(6)) / 6, x <= -3 ? T(0) : x < 3 ? g * (x / 3 + T(0.5)) : g)             \
    ROW(hardtanh, clamp(x, alpha, beta), x <= alpha || x >= beta ? T(0) : g)                                        \
    ROW(threshold, x <= alpha ? beta : x, x <= alpha ? T(0) : g)                                                    \
    ROW(hardshrink, x >= -alpha && x <= alpha ? T(0) : x, x >= -alpha && x <= alpha ? T(0) : g)                     \
    ROW(softshrink, x > alpha ? x - alpha : x < -alpha ? x + alpha : x * 0, x >= -alpha && x <= alpha ? T(0) : g)
// clang-format on

#define SELU_SCALE T(1.0507009873554804934)
#define SELU_ALPHA T(1.6732632423543772848)

namespace activations {

static __device__ __forceinline__ float log_one_plus(float x) { return log1pf(x); }
static __device__ __forceinline__ double log_one_plus(double x) { return log1p(x); }

// log(1 + exp(x)), from exp(-|x|) alone, which cannot overflow.
template <class T>
static __device__ __forceinline__ T soft_plus(T x) {
    return larger(x, T(0)) + log_one_plus(exponential(-absolute(x)));
}
template <class T>
static __device__ __forceinline__ T clamp(T x, T low, T high) { return x < low ? low : x > high ? high : x; }

template <class T>
static __device__ __forceinline__ T gelu_slope(T x) {
    const T density = exponential(x * x / -2) * T(0.39894228040143268);  // of the normal distribution
    return (1 + error_function(x * T(0.70710678118654752))) / 2 + x * density;
}
template <class T>
static __device__ __forceinline__ T gelu_inner(T x) {
    return hyperbolic_tangent(T(0.79788456080286536) * (x + T(0.044715) * x * x * x));
}
template <class T>
static __device__ __forceinline__ T gelu_tanh_slope(T x) {
    const T t = gelu_inner(x);
    return (1 + t) / 2 + x / 2 * (1 - t * t) * T(0.79788456080286536) * (1 + T(3 * 0.044715) * x * x);
}
template <class T>
static __device__ __forceinline__ T silu_slope(T x) {
    const T s = logistic(x);
    return s * (1 + x * (1 - s));
}
template <class T>
static __device__ __forceinline__ T mish_slope(T x) {
    const T t = hyperbolic_tangent(soft_plus(x));
    return t + x * logistic(x) * (1 - t * t);
}

#define DEFINE_POINTWISE(NAME, FORWARD, BACKWARD)                                                                   \
    struct pointwise_##NAME {                                                                                       \
        template <class T>                                                                                          \
        static __device__ __forceinline__ T forward(T x, T alpha, T beta) { return FORWARD; }                       \
        template <class T>                                                                                          \
        static __device__ __forceinline__ T backward(T x, T g, T alpha, T beta) { return BACKWARD; }                \
    };
POINTWISE_TABLE(DEFINE_POINTWISE)
#undef DEFINE_POINTWISE

}  // namespace activations

enum PointwiseCode {
#define POINTWISE_CODE(NAME, FORWARD, BACKWARD) code_##NAME,
    POINTWISE_TABLE(POINTWISE_CODE)
#undef POINTWISE_CODE
};

template <class Activation>
struct Forward {
    const SCALAR* __restrict__ x;
    SCALAR* __restrict__ out;
    REAL alpha, beta;

    __device__ __forceinline__ bool aligned() const { return is_aligned(x) && is_aligned(out); }
    template <int WIDTH>
    __device__ __forceinline__ void at(INDEX first) const {
        Pack<SCALAR, WIDTH> values = load_pack<WIDTH>(x + first);
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            values.values[j] = from_real<SCALAR>(Activation::forward(to_real(values.values[j]), alpha, beta));
        }
        store_pack<WIDTH>(out + first, values);
    }
};

template <class Activation>
struct Backward {
    const SCALAR* __restrict__ grad;
    const SCALAR* __restrict__ x;
    SCALAR* __restrict__ out;
    REAL alpha, beta;

    __device__ __forceinline__ bool aligned() const { return is_aligned(grad) && is_aligned(x) && is_aligned(out); }
    template <int WIDTH>
    __device__ __forceinline__ void at(INDEX first) const {
        const Pack<SCALAR, WIDTH> saved = load_pack<WIDTH>(x + first);
        Pack<SCALAR, WIDTH> values = load_pack<WIDTH>(grad + first);
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            values.values[j] = from_real<SCALAR>(
                Activation::backward(to_real(saved.values[j]), to_real(values.values[j]), alpha, beta));
        }
        store_pack<WIDTH>(out + first, values);
    }
};

template <class Map>
static __device__ __forceinline__ void everywhere(const Map& map, INDEX n) {
    const INDEX packs = map.aligned() ? n / VECTOR : 0;
    for (INDEX i = grid_start<INDEX>(); i < packs; i += grid_stride<INDEX>()) map.template at<VECTOR>(i * VECTOR);
    for (INDEX i = packs * VECTOR + grid_start<INDEX>(); i < n; i += grid_stride<INDEX>()) map.template at<1>(i);
}

// registers: 64
// vector: 128
extern "C" __global__ void __launch_bounds__(256, 4)
    pointwise_forward(const SCALAR* __restrict__ x, SCALAR* __restrict__ out, INDEX n, int function, REAL alpha,
                      REAL beta) {
    switch (function) {
#define POINTWISE_CASE(NAME, FORWARD, BACKWARD)                                                                     \
    case code_##NAME: everywhere(Forward<activations::pointwise_##NAME>{x, out, alpha, beta}, n); break;
        POINTWISE_TABLE(POINTWISE_CASE)
#undef POINTWISE_CASE
    }
}

// registers: 80
// vector: 128
extern "C" __global__ void __launch_bounds__(256, 3)
    pointwise_backward(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ x, SCALAR* __restrict__ out, INDEX n,
                       int function, REAL alpha, REAL beta) {
    switch (function) {
#define POINTWISE_CASE(NAME, FORWARD, BACKWARD)                                                                     \
    case code_##NAME: everywhere(Backward<activations::pointwise_##NAME>{grad, x, out, alpha, beta}, n); break;
        POINTWISE_TABLE(POINTWISE_CASE)
#undef POINTWISE_CASE
    }
}
