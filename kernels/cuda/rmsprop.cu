// RMSprop (Hinton, lecture 6e), centred or not, with momentum or not, in PyTorch's form. Threads and bytes: see
// optimizer.cuh; 5 numbers an element move, and 2 more for each of the two optional states.
#include "optimizer.cuh"

template <bool CENTERED, bool MOMENTUM>
struct RMSprop {
    static constexpr bool reads_states = true;
    static constexpr int count = 2 + CENTERED + MOMENTUM;
    REAL lr, alpha, share, eps, momentum, weight_decay;  // share of the new value: 1 - alpha
    int maximize;

    __device__ __forceinline__ void operator()(REAL (&values)[count], REAL gradient) const {
        const REAL g = with_decay(gradient, values[0], weight_decay, maximize);
        REAL variance = values[1] = alpha * values[1] + share * (g * g);
        if constexpr (CENTERED) {
            const REAL mean = values[2] = alpha * values[2] + share * g;
            variance = larger(variance - mean * mean, REAL(0));  // rounding may take it below zero
        }
        REAL direction = g / (square_root(variance) + eps);
        if constexpr (MOMENTUM) direction = values[count - 1] = momentum * values[count - 1] + direction;
        values[0] -= lr * direction;
    }
};

// grad_avg (of centred RMSprop) and momentum_buffer may be null. The learning rate is `lr`, or what `lr_place`
// points to.
//
// registers: 80
// vector: 128
extern "C" __global__ void __launch_bounds__(256, 3) rmsprop_update(
    SCALAR* __restrict__ param, const SCALAR* __restrict__ grad, SCALAR* __restrict__ square_avg,
    SCALAR* __restrict__ grad_avg, SCALAR* __restrict__ momentum_buffer, const long long* __restrict__ record,
    long long n, double lr, const void* __restrict__ lr_place, int lr_type, REAL alpha, REAL share, REAL eps,
    REAL momentum, REAL weight_decay, int maximize
) {
    if (is_suppressed(record)) return;
    const REAL rate = static_cast<REAL>(number(lr, lr_place, lr_type));
    if (grad_avg == nullptr && momentum_buffer == nullptr) {
        const RMSprop<false, false> rule{rate, alpha, share, eps, momentum, weight_decay, maximize};
        update({param, square_avg}, grad, n, rule);
    } else if (grad_avg == nullptr) {
        const RMSprop<false, true> rule{rate, alpha, share, eps, momentum, weight_decay, maximize};
        update({param, square_avg, momentum_buffer}, grad, n, rule);
    } else if (momentum_buffer == nullptr) {
        const RMSprop<true, false> rule{rate, alpha, share, eps, momentum, weight_decay, maximize};
        update({param, square_avg, grad_avg}, grad, n, rule);
    } else {
        const RMSprop<true, true> rule{rate, alpha, share, eps, momentum, weight_decay, maximize};
        update({param, square_avg, grad_avg, momentum_buffer}, grad, n, rule);
    }
}
