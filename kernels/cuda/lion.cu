// Lion (Chen et al., "Symbolic discovery of optimization algorithms", 2023, algorithm 2). Threads and bytes: see
// optimizer.cuh; 5 numbers an element move.
#include "optimizer.cuh"

struct Lion {
    static constexpr bool reads_states = true;
    REAL lr, beta1, share1, beta2, share2, keep;  // share of the gradient: 1 - beta; keep: 1 - lr * weight_decay
    int maximize;

    __device__ __forceinline__ void operator()(REAL (&values)[2], REAL gradient) const {
        const REAL g = maximize ? -gradient : gradient;
        const REAL mixed = beta1 * values[1] + share1 * g;
        // the sign; of 0 it is 0, of NaN it is NaN
        const REAL direction = mixed > 0 ? REAL(1) : mixed < 0 ? REAL(-1) : mixed;
        values[0] = keep * values[0] - lr * direction;
        values[1] = beta2 * values[1] + share2 * g;
    }
};

// The learning rate is `lr`, or what `lr_place` points to.
//
// registers: 56
// vector: 128
extern "C" __global__ void __launch_bounds__(256, 3) lion_update(
    SCALAR* __restrict__ param, const SCALAR* __restrict__ grad, SCALAR* __restrict__ exp_avg,
    const long long* __restrict__ record, long long n, double lr, const void* __restrict__ lr_place, int lr_type,
    REAL beta1, REAL share1, REAL beta2, REAL share2, double weight_decay, int maximize
) {
    if (is_suppressed(record)) return;
    const double now = number(lr, lr_place, lr_type);
    const REAL rate = static_cast<REAL>(now), keep = static_cast<REAL>(1 - now * weight_decay);
    update({param, exp_avg}, grad, n, Lion{rate, beta1, share1, beta2, share2, keep, maximize});
}
