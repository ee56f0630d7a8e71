// Activation functions: one line each, and a kernel takes the one that the macro ACTIVATION names:
//
//     y = activations::ACTIVATION::forward(x, alpha)
//     gradient of x = activations::ACTIVATION::backward(saved, g, alpha)
//
// in REAL, float or double, with y the forward's result, g the gradient of y, and `saved` either y or x, as the second
// column says. `alpha` is the activation's parameter (the slope of leaky_relu, the scale of elu). The same table in
// Python, `dlcore.reference.ACTIVATIONS`, tells a caller what to save; a test holds the two against each other.
#pragma once
#include "common.cuh"

#define ACTIVATION_TABLE(ROW)                                                                                      \
    ROW(identity, output, x, g)                                                                                    \
    ROW(relu, output, larger(x, T(0)), saved <= 0 ? 0 : g)                                                         \
    ROW(sigmoid, output, logistic(x), g * (1 - saved) * saved)                                                     \
    ROW(tanh, output, hyperbolic_tangent(x), g * (1 - saved * saved))                                              \
    ROW(leaky_relu, input, x > 0 ? x : alpha * negative(x), saved > 0 ? g : g * alpha)                             \
    ROW(elu, input, x > 0 ? x : alpha * exponential_less_one(negative(x)),                                         \
        saved > 0 ? g : g * alpha * exponential(negative(saved)))

namespace activations {

static __device__ __forceinline__ float hyperbolic_tangent(float x) { return tanhf(x); }
static __device__ __forceinline__ double hyperbolic_tangent(double x) { return ::tanh(x); }
static __device__ __forceinline__ float exponential_less_one(float x) { return expm1f(x); }
static __device__ __forceinline__ double exponential_less_one(double x) { return expm1(x); }

// min(x, 0), and NaN for NaN: where both branches are computed, the one that is not chosen cannot overflow.
template <class T>
static __device__ __forceinline__ T negative(T x) { return smaller(x, T(0)); }

// 1 / (1 + exp(-x)), from exp(-|x|) alone, which cannot overflow. The divisor lies between 1 and 2, where the fast
// division is off by 2 units in the last place at most and, unlike the exact one, needs no branch.
static __device__ __forceinline__ float divided(float x, float y) { return __fdividef(x, y); }
static __device__ __forceinline__ double divided(double x, double y) { return x / y; }
template <class T>
static __device__ __forceinline__ T logistic(T x) {
    const T small = exponential(-absolute(x));
    return divided(x < 0 ? small : T(1), 1 + small);
}

#define DEFINE_ACTIVATION(NAME, SAVES, FORWARD, BACKWARD)                                                       \
    struct NAME {                                                                                                  \
        template <class T>                                                                                         \
        static __device__ __forceinline__ T forward(T x, T alpha) { return FORWARD; }                              \
        template <class T>                                                                                         \
        static __device__ __forceinline__ T backward(T saved, T g, T alpha) { return BACKWARD; }                   \
    };
ACTIVATION_TABLE(DEFINE_ACTIVATION)
#undef DEFINE_ACTIVATION

}  // namespace activations
