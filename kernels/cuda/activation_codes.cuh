// Activations by number, for kernels that end in one: a compiled kernel serves all of them.
#pragma once
#include "activations.cuh"

enum ActivationCode {
#define ACTIVATION_CODE(NAME, SAVES, FORWARD, BACKWARD) activation_##NAME,
    ACTIVATION_TABLE(ACTIVATION_CODE)
#undef ACTIVATION_CODE
};

// values = activation(values). Every thread has the same `activation`, a place in ACTIVATION_TABLE.
template <int N>
static __device__ __forceinline__ void activate(REAL (&values)[N], int activation, REAL alpha) {
    if (activation == activation_identity) return;
#pragma unroll
    for (int j = 0; j < N; ++j) {
        switch (activation) {
#define ACTIVATION_CASE(NAME, SAVES, FORWARD, BACKWARD) \
    case activation_##NAME: values[j] = activations::NAME::forward(values[j], alpha); break;
            ACTIVATION_TABLE(ACTIVATION_CASE)
#undef ACTIVATION_CASE
        }
    }
}
