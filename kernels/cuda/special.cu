// erf, erfc and erfinv, element by element. A thread takes 16 bytes at a time; what they do not reach, or all of an
// array that is not aligned, it takes one by one. Bytes: each of x and out once; the arithmetic hides behind them in
// float, while double, of which most GPUs compute little, is bound by it.
#include "special_functions.cuh"

struct Erf {
    template <class T>
    static __device__ __forceinline__ T apply(T x) { return error_function(x); }
};
struct Erfc {
    template <class T>
    static __device__ __forceinline__ T apply(T x) { return complementary_error_function(x); }
};
struct Erfinv {
    template <class T>
    static __device__ __forceinline__ T apply(T x) { return inverse_error_function(x); }
};

template <class Function, int WIDTH>
static __device__ __forceinline__ void apply_at(const SCALAR* __restrict__ x, SCALAR* __restrict__ out, INDEX first) {
    Pack<SCALAR, WIDTH> values = load_pack<WIDTH>(x + first);
#pragma unroll
    for (int j = 0; j < WIDTH; ++j) values.values[j] = from_real<SCALAR>(Function::apply(to_real(values.values[j])));
    store_pack<WIDTH>(out + first, values);
}

template <class Function>
static __device__ __forceinline__ void apply_to_all(const SCALAR* __restrict__ x, SCALAR* __restrict__ out, INDEX n) {
    const INDEX packs = is_aligned(x) && is_aligned(out) ? n / VECTOR : 0;
    for (INDEX i = grid_start<INDEX>(); i < packs; i += grid_stride<INDEX>()) {
        apply_at<Function, VECTOR>(x, out, i * VECTOR);
    }
    for (INDEX i = packs * VECTOR + grid_start<INDEX>(); i < n; i += grid_stride<INDEX>()) {
        apply_at<Function, 1>(x, out, i);
    }
}

// registers: 64
// vector: 128
extern "C" __global__ void __launch_bounds__(256, 4)
    erf_forward(const SCALAR* __restrict__ x, SCALAR* __restrict__ out, INDEX n) {
    apply_to_all<Erf>(x, out, n);
}

// registers: 64
// vector: 128
extern "C" __global__ void __launch_bounds__(256, 4)
    erfc_forward(const SCALAR* __restrict__ x, SCALAR* __restrict__ out, INDEX n) {
    apply_to_all<Erfc>(x, out, n);
}

// registers: 64
// vector: 128
extern "C" __global__ void __launch_bounds__(256, 4)
    erfinv_forward(const SCALAR* __restrict__ x, SCALAR* __restrict__ out, INDEX n) {
    apply_to_all<Erfinv>(x, out, n);
}
