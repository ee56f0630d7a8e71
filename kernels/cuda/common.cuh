// What the kernels share: storage types, 16-byte accesses, grid-stride indices, reductions in a fixed order.
//
// A source is specialised by macros that are defined in front of it:
//   SCALAR        the type of the arrays: float, double or half_t
//   REAL          the type to compute in: double for double, else float
//   SCALAR_BYTES  sizeof(SCALAR)
//   VECTOR        16 / SCALAR_BYTES: how many elements a 16-byte access moves
//   INDEX         the type that counts elements: int, or long long where int does not reach
#pragma once

// IEEE binary16 as storage; arithmetic is done in float. CUDA's own __half needs headers that a machine
// with only a driver does not have.
struct half_t {
    unsigned short bits;
};

#ifdef __CUSIM__
static __device__ __forceinline__ float half_to_float(half_t h) { return cusim::half_to_float(h.bits); }
static __device__ __forceinline__ half_t float_to_half(float f) { return half_t{cusim::float_to_half(f)}; }
#else
static __device__ __forceinline__ float half_to_float(half_t h) {
    float f;
    asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(h.bits));
    return f;
}
static __device__ __forceinline__ half_t float_to_half(float f) {  // to nearest, ties to even
    half_t h;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h.bits) : "f"(f));
    return h;
}
#endif

static __device__ __forceinline__ float to_real(float x) { return x; }
static __device__ __forceinline__ double to_real(double x) { return x; }
static __device__ __forceinline__ float to_real(half_t x) { return half_to_float(x); }

template <class To, class From>
struct Convert {
    static __device__ __forceinline__ To apply(From x) { return static_cast<To>(x); }
};
template <class From>
struct Convert<half_t, From> {
    static __device__ __forceinline__ half_t apply(From x) { return float_to_half(static_cast<float>(x)); }
};
// from_real<SCALAR>(x): a computed value as it is stored
template <class To, class From>
static __device__ __forceinline__ To from_real(From x) {
    return Convert<To, From>::apply(x);
}

static __device__ __forceinline__ float infinity(float) { return __int_as_float(0x7f800000); }
static __device__ __forceinline__ double infinity(double) { return __longlong_as_double(0x7ff0000000000000LL); }

static __device__ __forceinline__ float exponential(float x) { return expf(x); }
static __device__ __forceinline__ double exponential(double x) { return exp(x); }
static __device__ __forceinline__ float logarithm(float x) { return logf(x); }
static __device__ __forceinline__ double logarithm(double x) { return log(x); }
static __device__ __forceinline__ float square_root(float x) { return sqrtf(x); }
static __device__ __forceinline__ double square_root(double x) { return sqrt(x); }
static __device__ __forceinline__ float absolute(float x) { return fabsf(x); }
static __device__ __forceinline__ double absolute(double x) { return fabs(x); }
// fmax and fmin drop a NaN; these hand it on, as array libraries do.
template <class T>
static __device__ __forceinline__ T larger(T x, T y) { return x > y || x != x ? x : y; }
template <class T>
static __device__ __forceinline__ T smaller(T x, T y) { return x < y || x != x ? x : y; }

// --- 16-byte accesses ---------------------------------------------------------------------------

template <class T, int N>
struct alignas(sizeof(T) * N) Pack {
    T values[N];
};
template <int N, class T>
static __device__ __forceinline__ Pack<T, N> load_pack(const T* p) {
    return *reinterpret_cast<const Pack<T, N>*>(p);
}
template <int N, class T>
static __device__ __forceinline__ void store_pack(T* p, const Pack<T, N>& pack) {
    *reinterpret_cast<Pack<T, N>*>(p) = pack;
}
// Whether 16-byte accesses may be used on p. A null pointer, an argument that is not there, is aligned.
static __device__ __forceinline__ bool is_aligned(const void* p) {
    return (reinterpret_cast<unsigned long long>(p) & 15) == 0;
}

// --- grid-stride loops: for (I i = grid_start<I>(); i < n; i += grid_stride<I>()) ----------------

template <class I>
static __device__ __forceinline__ I grid_start() {
    return static_cast<I>(blockIdx.x) * static_cast<I>(blockDim.x) + static_cast<I>(threadIdx.x);
}
template <class I>
static __device__ __forceinline__ I grid_stride() {
    return static_cast<I>(gridDim.x) * static_cast<I>(blockDim.x);
}

// --- reductions, in an order that depends on the launch geometry alone ---------------------------

struct Sum {
    template <class T>
    static __device__ __forceinline__ T apply(T x, T y) { return x + y; }
};
struct Larger {
    template <class T>
    static __device__ __forceinline__ T apply(T x, T y) { return larger(x, y); }
};

// Over the 32 lanes of a full warp; every lane gets the result.
template <class Operation, class T>
static __device__ __forceinline__ T warp_reduce(T value) {
#pragma unroll
    for (int offset = 16; offset > 0; offset >>= 1) {
        value = Operation::apply(value, __shfl_xor_sync(0xffffffffu, value, offset));
    }
    return value;
}

// Over all THREADS threads of a one-dimensional block (a multiple of 32, at most 1024); every thread gets the
// result. `shared` has THREADS / 32 elements; two calls in a row may use the same.
template <class Operation, int THREADS, class T>
static __device__ __forceinline__ T block_reduce(T value, T* shared) {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    value = warp_reduce<Operation>(value);
    __syncthreads();  // the last call's readers are done
    if (lane == 0) shared[warp] = value;
    __syncthreads();
    T total = shared[0];
#pragma unroll
    for (int i = 1; i < THREADS / 32; ++i) total = Operation::apply(total, shared[i]);
    return total;
}

// The same where the number of threads is known only at the launch: blockDim.x, a multiple of 32.
template <class Operation, class T>
static __device__ __forceinline__ T block_reduce(T value, T* shared) {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    value = warp_reduce<Operation>(value);
    __syncthreads();  // the last call's readers are done
    if (lane == 0) shared[warp] = value;
    __syncthreads();
    T total = shared[0];
    for (int i = 1; i < warps; ++i) total = Operation::apply(total, shared[i]);
    return total;
}

// Whether this block is the last of `blocks` to come here: it then sees what all of them wrote before. The ticket
// is zero before and after. Every thread of the block must call it.
static __device__ __forceinline__ bool is_last_block(unsigned* ticket, unsigned blocks) {
    __shared__ bool last;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0 && threadIdx.y == 0) {
        last = atomicAdd(ticket, 1u) == blocks - 1;
        if (last) *ticket = 0;
    }
    __syncthreads();
    if (last) __threadfence();
    return last;
}
