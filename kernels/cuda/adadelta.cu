// Adadelta (Zeiler, 2012), in PyTorch's form. Threads and bytes: see optimizer.cuh; 7 numbers an element move.
#include "optimizer.cuh"

struct Adadelta {
    static constexpr bool reads_states = true;
    REAL lr, rho, share, eps, weight_decay;  // share of the new value: 1 - rho
    int maximize;

    __device__ __forceinline__ void operator()(REAL (&values)[3], REAL gradient) const {
        const REAL g = with_decay(gradient, values[0], weight_decay, maximize);
        values[1] = rho * values[1] + share * (g * g);
        const REAL delta = square_root(values[2] + eps) / square_root(values[1] + eps) * g;
        values[2] = rho * values[2] + share * (delta * delta);
        values[0] -= lr * delta;
    }
};

// The learning rate is `lr`, or what `lr_place` points to.
//
// registers: 72
// vector: 128
extern "C" __global__ void __launch_bounds__(256, 3) adadelta_update(
    SCALAR* __restrict__ param, const SCALAR* __restrict__ grad, SCALAR* __restrict__ square_avg,
    SCALAR* __restrict__ acc_delta, const long long* __restrict__ record, long long n, double lr,
    const void* __restrict__ lr_place, int lr_type, REAL rho, REAL share, REAL eps, REAL weight_decay, int maximize
) {
    if (is_suppressed(record)) return;
    const REAL rate = static_cast<REAL>(number(lr, lr_place, lr_type));
    update({param, square_avg, acc_delta}, grad, n, Adadelta{rate, rho, share, eps, weight_decay, maximize});
}
