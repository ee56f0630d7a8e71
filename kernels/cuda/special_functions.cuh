// The error function, its complement and its inverse, in float and double, as activations and the kernels of
// special.cu use them.
#pragma once
#include "common.cuh"

static __device__ __forceinline__ float error_function(float x) { return erff(x); }
static __device__ __forceinline__ double error_function(double x) { return erf(x); }
static __device__ __forceinline__ float complementary_error_function(float x) { return erfcf(x); }
static __device__ __forceinline__ double complementary_error_function(double x) { return erfc(x); }

// p(x), by Horner's rule; the numbers stand from the constant upwards.
template <class T, int N>
static __device__ __forceinline__ T polynomial(const double (&numbers)[N], T x) {
    T value = T(numbers[N - 1]);
#pragma unroll
    for (int i = N - 2; i >= 0; --i) value = value * x + T(numbers[i]);
    return value;
}

// The same in float and double, on a GPU and in the simulator, so CUDA's own erfinv is not asked: Wichura's PPND16
// (Algorithm AS 241, Applied Statistics 37, 1988), the quantile of the normal distribution at (1 + x)/2, over sqrt(2).
// What is nearer to 1 than float's numbers are belongs to double alone.
template <class T>
static __device__ __forceinline__ T inverse_error_function(T x) {
    const T half = x / 2, size = absolute(x);
    T numerator, denominator, factor;
    if (size <= T(0.85)) {
        constexpr double p[] = {3.3871328727963666080e+0, 1.3314166789178437745e+2, 1.9715909503065514427e+3,
                                1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                3.3430575583588128105e+4, 2.5090809287301226727e+3};
        constexpr double q[] = {1.0, 4.2313330701600911252e+1, 6.8718700749205790830e+2, 5.3941960214247511077e+3,
                                2.1213794301586595867e+4, 3.9307895800092710610e+4, 2.8729085735721942674e+4,
                                5.2264952788528545610e+3};
        const T r = T(0.180625) - half * half;
        numerator = polynomial(p, r), denominator = polynomial(q, r), factor = half;
    } else {
        T r = square_root(-logarithm((1 - size) / 2));  // NaN beyond 1
        factor = x < 0 ? T(-1) : T(1);
        if (sizeof(T) == 4 || r <= 5) {
            constexpr double p[] = {1.42343711074968357734e+0, 4.63033784615654529590e+0, 5.76949722146069140550e+0,
                                    3.64784832476320460504e+0, 1.27045825245236838258e+0, 2.41780725177450611770e-1,
                                    2.27238449892691845833e-2, 7.74545014278341407640e-4};
            constexpr double q[] = {1.0, 2.05319162663775882187e+0, 1.67638483018380384940e+0,
                                    6.89767334985100004550e-1, 1.48103976427480074590e-1, 1.51986665636164571966e-2,
                                    5.47593808499534494600e-4, 1.05075007164441684324e-9};
            numerator = polynomial(p, r - T(1.6)), denominator = polynomial(q, r - T(1.6));
        } else {
            constexpr double p[] = {6.65790464350110377720e+0, 5.46378491116411436990e+0, 1.78482653991729133580e+0,
                                    2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                    2.71155556874348757815e-5, 2.01033439929228813265e-7};
            constexpr double q[] = {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1,
                                    1.48753612908506148525e-2, 7.86869131145613259100e-4, 1.84631831751005468180e-5,
                                    1.42151175831644588870e-7, 2.04426310338993978564e-15};
            numerator = polynomial(p, r - 5), denominator = polynomial(q, r - 5);
        }
        if (size == 1) numerator = infinity(T()), denominator = 1;
    }
    return factor * numerator / denominator * T(0.70710678118654752440);
}
