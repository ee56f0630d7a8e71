// x *= factor in place, as clipping by the norm does. The factor is a number, or lies in device memory, where nothing
// has to wait for it. A thread takes 16 bytes at a time, what they do not reach one by one. Bytes: x read and written.
#include "common.cuh"

template <int WIDTH>
static __device__ __forceinline__ void scale_pack(SCALAR* x, REAL factor) {
    Pack<SCALAR, WIDTH> values = load_pack<WIDTH>(x);
#pragma unroll
    for (int j = 0; j < WIDTH; ++j) values.values[j] = from_real<SCALAR>(to_real(values.values[j]) * factor);
    store_pack<WIDTH>(x, values);
}

// registers: 64
// vector: 128
extern "C" __global__ void __launch_bounds__(256, 4)
    scale(SCALAR* __restrict__ x, INDEX n, REAL number, const SCALAR* __restrict__ in_memory) {
    const REAL factor = in_memory ? to_real(*in_memory) : number;
    const INDEX packs = is_aligned(x) ? n / VECTOR : 0;
    for (INDEX i = grid_start<INDEX>(); i < packs; i += grid_stride<INDEX>()) scale_pack<VECTOR>(x + i * VECTOR, factor);
    for (INDEX i = packs * VECTOR + grid_start<INDEX>(); i < n; i += grid_stride<INDEX>()) scale_pack<1>(x + i, factor);
}
