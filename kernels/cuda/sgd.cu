// Stochastic gradient descent with momentum, as PyTorch defines it. Threads and bytes: see optimizer.cuh; 3 numbers
// an element move without momentum, 5 with it (4 in the first step, which does not read the buffer).
#include "optimizer.cuh"

struct Plain {
    static constexpr bool reads_states = true;
    REAL lr, weight_decay;
    int maximize;

    __device__ __forceinline__ void operator()(REAL (&values)[1], REAL gradient) const {
        values[0] -= lr * with_decay(gradient, values[0], weight_decay, maximize);
    }
};

template <bool FIRST_STEP>
struct Momentum {
    static constexpr bool reads_states = !FIRST_STEP;
    REAL lr, momentum, share, weight_decay;  // share of the gradient: 1 - dampening
    int nesterov, maximize;

    __device__ __forceinline__ void operator()(REAL (&values)[2], REAL gradient) const {
        const REAL g = with_decay(gradient, values[0], weight_decay, maximize);
        const REAL buffer = FIRST_STEP ? g : momentum * values[1] + share * g;
        values[1] = buffer;
        values[0] -= lr * (nesterov ? g + momentum * buffer : buffer);
    }
};

// momentum_buffer may be null. The learning rate is `lr`, or what `lr_place` points to.
//
// registers: 56
// vector: 128
extern "C" __global__ void __launch_bounds__(256, 3) sgd_update(
    SCALAR* __restrict__ param, const SCALAR* __restrict__ grad, SCALAR* __restrict__ momentum_buffer,
    const long long* __restrict__ record, long long n, double lr, const void* __restrict__ lr_place, int lr_type,
    REAL momentum, REAL share, REAL weight_decay, int nesterov, int maximize, int first_step
) {
    if (is_suppressed(record)) return;
    const REAL rate = static_cast<REAL>(number(lr, lr_place, lr_type));
    if (momentum_buffer == nullptr) {
        update({param}, grad, n, Plain{rate, weight_decay, maximize});
    } else if (first_step) {
        update(
            {param, momentum_buffer}, grad, n,
            Momentum<true>{rate, momentum, share, weight_decay, nesterov, maximize}
        );
    } else {
        update(
            {param, momentum_buffer}, grad, n,
            Momentum<false>{rate, momentum, share, weight_decay, nesterov, maximize}
        );
    }
}
