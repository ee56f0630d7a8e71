// What the optimizer updates share. Each is one launch over flat buffers, bound by memory: every element of the
// parameter, the gradient and the states is read once, and all but the gradient are written once, 16 bytes at a
// time. 64-bit indices cost nothing beside that.
//
// A rule is a struct whose call updates one element: rule(values, gradient), where values[0] is the parameter and
// the others are the states, in the order in which the kernel lists their arrays. `reads_states` says whether it
// needs the states' old values.
#pragma once
#include "common.cuh"

// Whether the values that this step was computed from have been found wrong: then it must not change anything, and
// the host raises the error when it next waits (see backends/cupy/errors.py).
static __device__ __forceinline__ bool is_suppressed(const long long* record) { return *record != 0; }

// A number from the host, or one in device memory: 0 float, 1 double, 2 int, 3 long long.
static __device__ __forceinline__ double number(double value, const void* place, int type) {
    if (place == nullptr) return value;
    switch (type) {
        case 0: return *static_cast<const float*>(place);
        case 1: return *static_cast<const double*>(place);
        case 2: return *static_cast<const int*>(place);
        default: return static_cast<double>(*static_cast<const long long*>(place));
    }
}

// The gradient as the rules take it: of the function to minimise, with L2 decay.
static __device__ __forceinline__ REAL with_decay(REAL gradient, REAL param, REAL weight_decay, int maximize) {
    if (maximize) gradient = -gradient;
    return weight_decay == 0 ? gradient : gradient + weight_decay * param;  // an infinite parameter times 0 is NaN
}

// rule(...) for elements 0..n-1 of arrays[0], the parameter, and of arrays[1...], the states. Threads take 16 bytes
// of every array in turn, or single elements where an array does not lie on 16 bytes and after the last whole 16.
template <int COUNT, class R>
static __device__ __forceinline__ void update(
    SCALAR* const (&arrays)[COUNT], const SCALAR* gradients, long long n, const R& rule
) {
    bool aligned = is_aligned(gradients);
#pragma unroll
    for (int k = 0; k < COUNT; ++k) aligned = aligned && is_aligned(arrays[k]);
    const long long packs = aligned ? n / VECTOR : 0;

#pragma unroll 1
    for (long long i = grid_start<long long>(); i < packs; i += grid_stride<long long>()) {
        const Pack<SCALAR, VECTOR> gradient = load_pack<VECTOR>(gradients + i * VECTOR);
        Pack<SCALAR, VECTOR> pack[COUNT];
#pragma unroll
        for (int k = 0; k < COUNT; ++k) {
            if (k == 0 || R::reads_states) pack[k] = load_pack<VECTOR>(arrays[k] + i * VECTOR);
        }
#pragma unroll
        for (int j = 0; j < VECTOR; ++j) {
            REAL values[COUNT];
#pragma unroll
            for (int k = 0; k < COUNT; ++k) values[k] = k == 0 || R::reads_states ? to_real(pack[k].values[j]) : REAL(0);
            rule(values, to_real(gradient.values[j]));
#pragma unroll
            for (int k = 0; k < COUNT; ++k) pack[k].values[j] = from_real<SCALAR>(values[k]);
        }
#pragma unroll
        for (int k = 0; k < COUNT; ++k) store_pack(arrays[k] + i * VECTOR, pack[k]);
    }

#pragma unroll 1
    for (long long i = packs * VECTOR + grid_start<long long>(); i < n; i += grid_stride<long long>()) {
        REAL values[COUNT];
#pragma unroll
        for (int k = 0; k < COUNT; ++k) values[k] = k == 0 || R::reads_states ? to_real(arrays[k][i]) : REAL(0);
        rule(values, to_real(gradients[i]));
#pragma unroll
        for (int k = 0; k < COUNT; ++k) arrays[k][i] = from_real<SCALAR>(values[k]);
    }
}
