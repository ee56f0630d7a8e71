// Kernels that are right: they must run without a finding, in every order, and compute what NumPy computes.
#include <cuda_runtime.h>
#define GRID_INDEX (blockIdx.x * blockDim.x + threadIdx.x)
#define FULL 0xffffffffu
#define TILE 16

template <class T>
__device__ __forceinline__ T warp_sum(T v) {
#pragma unroll
    for (int offset = 16; offset > 0; offset /= 2) v += __shfl_down_sync(FULL, v, offset);
    return v;
}

extern "C" __global__ void __launch_bounds__(256) block_sums(const float* __restrict__ x, float* __restrict__ out, int n) {
    __shared__ float partial[32];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    float v = 0.0f;
    for (int i = GRID_INDEX; i < n; i += gridDim.x * blockDim.x) v += x[i];
    v = warp_sum(v);
    if (lane == 0) partial[warp] = v;
    __syncthreads();
    if (warp == 0) {
        v = warp_sum(lane < blockDim.x / 32 ? partial[lane] : 0.0f);
        if (lane == 0) out[blockIdx.x] = v;
    }
}

// The last block adds up what the others left, in a fixed order: three ways to pass the data on.
extern "C" __global__ void last_block_thread_0(const float* x, float* partial, unsigned* ticket, float* out) {
    __shared__ bool last;
    if (threadIdx.x == 0) {
        partial[blockIdx.x] = x[blockIdx.x];
        __threadfence();
        last = atomicInc(ticket, gridDim.x - 1) == gridDim.x - 1;
    }
    __syncthreads();
    if (last && threadIdx.x == 0) {
        float sum = 0.0f;
        for (int i = 0; i < gridDim.x; ++i) sum += partial[i];
        *out = sum;
    }
}
extern "C" __global__ void last_block_fence_in_all(const float* x, float* partial, unsigned* ticket, float* out) {
    __shared__ bool last;
    partial[GRID_INDEX] = x[blockIdx.x];
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) last = atomicAdd(ticket, 1u) == gridDim.x - 1;
    __syncthreads();
    if (!last) return;
    for (int i = threadIdx.x; i < gridDim.x; i += blockDim.x) atomicAdd(out, partial[i * blockDim.x]);
    if (threadIdx.x == 0) *ticket = 0;
}
extern "C" __global__ void last_block_barrier_then_fence(const float* x, float* partial, unsigned* ticket, float* out) {
    __shared__ unsigned taken;
    partial[GRID_INDEX] = x[blockIdx.x];
    __syncthreads();
    if (threadIdx.x == 0) {
        __threadfence();
        taken = atomicAdd(ticket, 1u);
        __threadfence();
    }
    __syncthreads();
    if (taken != gridDim.x - 1) return;
    __shared__ float sums[64];
    float sum = 0.0f;
    for (int i = threadIdx.x; i < gridDim.x * blockDim.x; i += blockDim.x) sum += partial[i] / blockDim.x;
    sums[threadIdx.x] = sum;
    for (int half = 32; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    }
    if (threadIdx.x == 0) *out = sums[0], *ticket = 0;
}
// The warp that comes second may read what the first one has written, if that one says that it is done.
extern "C" __global__ void warp_to_warp(const float* x, float* out) {
    __shared__ float s[32];
    __shared__ unsigned claimed, done;
    if (threadIdx.x == 0) claimed = done = 0;
    __syncthreads();
    const int lane = threadIdx.x % 32;
    unsigned claim = 0, finished = 0;
    if (lane == 0) claim = atomicAdd(&claimed, 1u);
    if (__shfl_sync(FULL, claim, 0) == 0) {
        s[lane] = x[lane];
        __threadfence_block();
        __syncwarp();
        if (lane == 0) atomicExch(&done, 1u);
    } else {
        if (lane == 0) finished = atomicAdd(&done, 0u);
        finished = __shfl_sync(FULL, finished, 0);
        out[lane] = finished ? s[31 - lane] : x[31 - lane];
    }
}

extern "C" __global__ void transpose(const float* __restrict__ x, float* __restrict__ out, int rows, int columns) {
    __shared__ float tile[TILE][TILE + 1];
    int column = blockIdx.x * TILE + threadIdx.x, row = blockIdx.y * TILE + threadIdx.y;
    if (row < rows && column < columns) tile[threadIdx.y][threadIdx.x] = x[row * columns + column];
    __syncthreads();
    column = blockIdx.y * TILE + threadIdx.x, row = blockIdx.x * TILE + threadIdx.y;
    if (row < columns && column < rows) out[row * rows + column] = tile[threadIdx.x][threadIdx.y];
}

// Two buffers in turn: one barrier a step.
extern "C" __global__ void double_buffered(const float* x, float* out, int steps) {
    __shared__ __align__(16) float buffer[2][64];
    float sum = 0.0f;
    buffer[0][threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    for (int step = 0; step < steps; ++step) {
        if (step + 1 < steps) buffer[(step + 1) % 2][threadIdx.x] = x[(step + 1) * 64 + threadIdx.x];
        sum += buffer[step % 2][63 - threadIdx.x];
        __syncthreads();
    }
    out[threadIdx.x] = sum;
}

// Within warps only, and within halves of warps.
extern "C" __global__ void warp_scan(const float* x, float* out) {
    __shared__ float s[64];
    const int lane = threadIdx.x % 32;
    s[threadIdx.x] = x[threadIdx.x];
    __syncwarp();
    for (int offset = 1; offset < 32; offset *= 2) {
        float other = lane >= offset ? s[threadIdx.x - offset] : 0.0f;
        __syncwarp();
        s[threadIdx.x] += other;
        __syncwarp();
    }
    out[threadIdx.x] = s[threadIdx.x];
}
extern "C" __global__ void syncwarps_in_two_branches(const float* x, float* out) {
    __shared__ float s[64];
    if (threadIdx.x % 2) {
        s[threadIdx.x] = x[threadIdx.x];
        __syncwarp();
    } else {
        s[threadIdx.x] = -x[threadIdx.x];
        __syncwarp();
    }
    out[threadIdx.x] = s[threadIdx.x ^ 1];
}
extern "C" __global__ void swap_in_halves(const float* x, float* out) {
    __shared__ float s[64];
    const unsigned mine = threadIdx.x % 32 < 16 ? 0x0000ffffu : 0xffff0000u;
    s[threadIdx.x] = x[threadIdx.x];
    __syncwarp(mine);
    out[threadIdx.x] = s[threadIdx.x ^ 8];
    __syncwarp(mine);
    s[threadIdx.x] = -1.0f;
}
// All lanes read one value; after a syncwarp one of them changes it.
extern "C" __global__ void broadcast_then_write(const float* x, float* out) {
    __shared__ float s[2];
    const int warp = threadIdx.x / 32;
    if (threadIdx.x % 32 == 0) s[warp] = x[threadIdx.x];
    for (int i = 0; i < 3; ++i) {
        __syncwarp();
        const float v = s[warp];
        __syncwarp();
        if (threadIdx.x % 32 == i) s[warp] = v + 1.0f;
    }
    __syncwarp();
    out[threadIdx.x] = s[warp];
}
// A shuffle orders accesses, too.
extern "C" __global__ void shuffle_orders(const float* x, float* out) {
    __shared__ float s[64];
    s[threadIdx.x] = x[threadIdx.x];
    const float first = __shfl_sync(FULL, x[threadIdx.x], 0);
    out[threadIdx.x] = s[threadIdx.x ^ 31] + first;
}

extern "C" __global__ void histogram(const int* x, unsigned* bins, int n) {
    __shared__ unsigned local[8];
    if (threadIdx.x < 8) local[threadIdx.x] = 0;
    __syncthreads();
    const int i = GRID_INDEX;
    if (i < n) atomicAdd(&local[x[i]], 1u);
    __syncthreads();
    if (threadIdx.x < 8) atomicAdd(&bins[threadIdx.x], local[threadIdx.x]);
}
extern "C" __global__ void bytes_and_halfwords(const unsigned char* x, unsigned char* bytes, unsigned short* words, int n) {
    __shared__ unsigned char s[64];
    s[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    bytes[threadIdx.x] = s[63 - threadIdx.x];
    if (threadIdx.x < 32) words[threadIdx.x] = reinterpret_cast<unsigned short*>(words)[threadIdx.x] + s[2 * threadIdx.x];
}
extern "C" __global__ void ballots(const int* x, unsigned* out, int n) {
    if (threadIdx.x >= n) return;  // the lanes that have gone count as not there
    const int v = x[threadIdx.x];
    const unsigned odd = __ballot_sync(FULL, v & 1);
    const unsigned equal = __match_any_sync(FULL, v);
    out[4 * threadIdx.x] = odd;
    out[4 * threadIdx.x + 1] = equal;
    out[4 * threadIdx.x + 2] = __any_sync(FULL, v == 3) + 2 * __all_sync(FULL, v < 7);
    out[4 * threadIdx.x + 3] = __reduce_add_sync(FULL, static_cast<unsigned>(v));
}
extern "C" __global__ void shuffles(const int* x, int* out) {
    const int t = threadIdx.x, v = x[t];
    out[t] = __shfl_up_sync(FULL, v, 3);
    out[32 + t] = __shfl_down_sync(FULL, v, 3, 8);
    out[64 + t] = __shfl_xor_sync(FULL, v, 5, 16);
    out[96 + t] = __shfl_sync(FULL, v, t + 1, 4);
    out[128 + t] = static_cast<int>(__shfl_sync(FULL, static_cast<double>(v), 31 - t));
}
extern "C" __global__ void votes_of_the_block(const int* x, int* out) {
    const int v = x[threadIdx.x];
    const int odd = __syncthreads_count(v & 1), some = __syncthreads_or(v == 3), all = __syncthreads_and(v >= 0);
    if (threadIdx.x == 0) out[0] = odd, out[1] = some, out[2] = all;
}
extern "C" __global__ void dynamic_in_two_parts(const float* x, float* out, int n) {
    extern __shared__ __align__(16) unsigned char pool[];
    float* a = reinterpret_cast<float*>(pool);
    double* b = reinterpret_cast<double*>(pool + n * sizeof(float));
    a[threadIdx.x] = x[threadIdx.x];
    b[threadIdx.x] = 2.0 * x[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = a[n - 1 - threadIdx.x] + b[n - 1 - threadIdx.x];
}
extern "C" __global__ void vectors(const float* __restrict__ x, float* __restrict__ out, int n) {
    const int i = GRID_INDEX;
    if (i < n / 4) {
        float4 v = reinterpret_cast<const float4*>(x)[i];
        v.x += 1, v.w *= 2;
        reinterpret_cast<float4*>(out)[i] = v;
    }
    if (i < n % 4) out[n / 4 * 4 + i] = x[n / 4 * 4 + i];
}
namespace {
__constant__ float weights[3] = {0.25f, 0.5f, 0.25f};
__device__ int launches;
}
extern "C" __global__ void constants(const float* x, float* out, int n) {
    const int i = GRID_INDEX;
    if (i > 0 && i < n - 1) out[i] = weights[0] * x[i - 1] + weights[1] * x[i] + weights[2] * x[i + 1];
    if (i == 0) out[0] = static_cast<float>(++launches);
}
__shared__ float outside[64];
__device__ void fill(const float* x) { outside[threadIdx.x] = x[threadIdx.x]; }
extern "C" __global__ void shared_outside_of_functions(const float* x, float* out) {
    fill(x);
    __syncthreads();
    out[threadIdx.x] = outside[63 - threadIdx.x];
}
struct Pair {
    float low, high;
};
struct Bytes {  // needs no alignment
    unsigned char values[4];
};
extern "C" __global__ void unaligned_structs(const unsigned char* x, unsigned char* out, int n) {
    const int at = 1 + 4 * threadIdx.x;
    if (at + 4 <= n) {
        Bytes b = *reinterpret_cast<const Bytes*>(x + at);
        *reinterpret_cast<Bytes*>(out + at) = b;
    }
}
extern "C" __global__ void several_declarators(const float* x, float* out) {
    __shared__ float a[4][TILE], b[TILE * 4], *p;
    __shared__ volatile int count;
    __shared__ __attribute__((aligned(16))) Pair pairs[64 / 2], one;
    if (threadIdx.x == 0) p = b, count = 2, one.low = one.high = 1.0f;
    a[threadIdx.x / TILE][threadIdx.x % TILE] = x[threadIdx.x];
    b[threadIdx.x] = x[threadIdx.x];
    if (threadIdx.x < 32) pairs[threadIdx.x] = {x[threadIdx.x], x[threadIdx.x + 32]};
    __syncthreads();
    out[threadIdx.x] = a[0][threadIdx.x % TILE] + p[63 - threadIdx.x] * count + pairs[threadIdx.x % 32].high + one.low;
}
static __global__ void static_kernel(float* out, float value) { out[GRID_INDEX] = value; }
template <class T>
__global__ void template_kernel(T* out, T value) {
    out[GRID_INDEX] = value;
}
#ifdef NOT_DEFINED
extern "C" __global__ void not_compiled(float* out) { this is no C++; }
#endif
// __global__ void in_a_comment(float* out) {}
// Pointers that come from memory may lead where the kernel's own parameters only read.
extern "C" __global__ void pointers_in_memory(const float* x, float* const* table, int n) {
    if (threadIdx.x < n) table[0][threadIdx.x] = 2 * x[threadIdx.x];
}
struct Settings {
    int offset;
    float scale;
};
extern "C" __global__ void many_parameters(
    Settings settings, const double* __restrict__ x, double* out, bool negate, unsigned char small, long long n, double add,
    const void* anything, const Pair* pairs) {
    const long long i = GRID_INDEX;
    if (i < n) out[i] = (negate ? -1 : 1) * (x[i] * settings.scale + settings.offset + small + add);
}
extern "C" __global__ void __launch_bounds__(TILE * 8, 2) bounds_by_macro(float* out) { out[GRID_INDEX] = blockDim.x; }
__launch_bounds__(64) __global__ void bounds_in_front(float* out) { out[GRID_INDEX] = gridDim.x; }
