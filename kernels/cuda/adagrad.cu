// Adagrad (Duchi, Hazan, Singer, 2011), in PyTorch's form. Threads and bytes: see optimizer.cuh; 5 numbers an
// element move.
#include "optimizer.cuh"

struct Adagrad {
    static constexpr bool reads_states = true;
    REAL rate, eps, weight_decay;
    int maximize;

    __device__ __forceinline__ void operator()(REAL (&values)[2], REAL gradient) const {
        const REAL g = with_decay(gradient, values[0], weight_decay, maximize);
        values[1] += g * g;
        values[0] -= rate * g / (square_root(values[1]) + eps);
    }
};

// The rate lr / (1 + (step - 1) * lr_decay) is `rate`, unless `lr_place` or `step_place` are given: then it is
// computed from what they point to (for the other from `lr` or `step`), once by each thread.
//
// registers: 64
// vector: 128
extern "C" __global__ void __launch_bounds__(256, 3) adagrad_update(
    SCALAR* __restrict__ param, const SCALAR* __restrict__ grad, SCALAR* __restrict__ square_sum,
    const long long* __restrict__ record, long long n, REAL rate, REAL eps, REAL weight_decay, int maximize,
    double lr, const void* __restrict__ lr_place, int lr_type, double step, const void* __restrict__ step_place,
    int step_type, double lr_decay
) {
    if (is_suppressed(record)) return;
    if (lr_place != nullptr || step_place != nullptr) {
        const double decayed = 1 + (number(step, step_place, step_type) - 1) * lr_decay;
        rate = static_cast<REAL>(number(lr, lr_place, lr_type) / decayed);
    }
    update({param, square_sum}, grad, n, Adagrad{rate, eps, weight_decay, maximize});
}
