// Another dtype: x of type SOURCE, out of type SCALAR, rounded to nearest. A thread takes as many elements as fill 16
// bytes of the wider type, so that the accesses of a warp are dense on both sides; what they do not reach one by one.
// Bytes: x read, out written.
#include "common.cuh"

static __device__ __forceinline__ float to_real(unsigned char x) { return static_cast<float>(x); }

// float16 from float64 must not be rounded twice: the float32 between them is rounded to odd (Boldo, Melquiond, 2005,
// "When double rounding is odd"), which leaves the second rounding what it has to know.
static __device__ __forceinline__ float rounded_to_odd(double x) {
    const float nearest = static_cast<float>(x);
    const double difference = fabs(static_cast<double>(nearest)) - fabs(x);
    int bits = __float_as_int(nearest);
    if (difference > 0) --bits;
    if (difference > 0 || difference < 0) bits |= 1;  // not where it is NaN: of an infinity
    return __int_as_float(bits);
}

template <class To, class From>
static __device__ __forceinline__ To converted(From x) { return from_real<To>(to_real(x)); }
template <>
__device__ __forceinline__ half_t converted<half_t, double>(double x) { return float_to_half(rounded_to_odd(x)); }

template <int WIDTH>
static __device__ __forceinline__ void cast_pack(const SOURCE* x, SCALAR* out) {
    const Pack<SOURCE, WIDTH> from = load_pack<WIDTH>(x);
    Pack<SCALAR, WIDTH> to;
#pragma unroll
    for (int j = 0; j < WIDTH; ++j) to.values[j] = converted<SCALAR>(from.values[j]);
    store_pack<WIDTH>(out, to);
}

constexpr int WIDE = 16 / (sizeof(SOURCE) > sizeof(SCALAR) ? sizeof(SOURCE) : sizeof(SCALAR));

// registers: 64
// vector: 128 stores where SCALAR=double
// vector: 128 loads where SOURCE=double
// vector: 128 loads where SOURCE=float
// vector: 128 stores where SCALAR=float
extern "C" __global__ void __launch_bounds__(256, 4)
    cast(const SOURCE* __restrict__ x, SCALAR* __restrict__ out, INDEX n) {
    const INDEX packs = is_aligned(x) && is_aligned(out) ? n / WIDE : 0;
    for (INDEX i = grid_start<INDEX>(); i < packs; i += grid_stride<INDEX>()) cast_pack<WIDE>(x + i * WIDE, out + i * WIDE);
    for (INDEX i = packs * WIDE + grid_start<INDEX>(); i < n; i += grid_stride<INDEX>()) cast_pack<1>(x + i, out + i);
}
