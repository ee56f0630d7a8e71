// Kernels that are wrong on purpose. The line where each must be caught bears its name.
#define GRID_INDEX (blockIdx.x * blockDim.x + threadIdx.x)

// --- bounds ------------------------------------------------------------------------------------------------------

extern "C" __global__ void read_past_the_end(const float* x, float* out, int n) {
    int i = GRID_INDEX;
    if (i < n)
        out[i] = x[i + 1];  // <- read_past_the_end
}
extern "C" __global__ void write_before_the_start(const float* x, float* out, int n) {
    int i = GRID_INDEX;
    out[i - 1] = x[i];  // <- write_before_the_start
}
extern "C" __global__ void dead_load(const float* x, float* out, int n) {
    int i = GRID_INDEX;
    float unused = x[i + n];  // <- dead_load
    out[i] = 1.0f;
}
extern "C" __global__ void dead_store(const float* x, float* out, int n) {
    int i = GRID_INDEX;
    out[i + n] = 1.0f;  // <- dead_store
    out[i + n] = x[i];
}
extern "C" __global__ void vector_past_the_end(const float* x, float* out, int n) {
    int i = 4 * GRID_INDEX;
    if (i < n)
        *reinterpret_cast<float4*>(out + i) = *reinterpret_cast<const float4*>(x + i);  // <- vector_past_the_end
}
extern "C" __global__ void shared_past_the_end(const float* x, float* out, int n) {
    __shared__ float first[64], second[64];
    float* p = first;
    second[threadIdx.x] = 0.0f;
    p[threadIdx.x + 1] = x[threadIdx.x];  // <- shared_past_the_end
    __syncthreads();
    out[threadIdx.x] = second[threadIdx.x];
}
extern "C" __global__ void shared_row_overflow(const float* x, float* out, int n) {
    __shared__ float rows[4][16];
    for (int i = threadIdx.x; i < 17; i += blockDim.x) rows[1][i] = x[i];  // <- shared_row_overflow
    __syncthreads();
    out[threadIdx.x] = rows[1][0];
}
extern "C" __global__ void dynamic_shared_past_the_end(const float* x, float* out, int n) {
    extern __shared__ float dynamic[];
    dynamic[threadIdx.x] = x[threadIdx.x];  // <- dynamic_shared_past_the_end
    __syncthreads();
    out[threadIdx.x] = dynamic[63 - threadIdx.x];
}
extern "C" __global__ void stack_array_past_the_end(const float* x, float* out, int n) {
    float local[4] = {1, 2, 3, 4};
    out[threadIdx.x] = local[threadIdx.x];  // <- stack_array_past_the_end
}
extern "C" __global__ void copy_past_the_end(const float* x, float* out, int n) {
    if (threadIdx.x == 0) memcpy(out, x, (n + 1) * sizeof(float));  // <- copy_past_the_end
}
extern "C" __global__ void null_pointer(const float* x, float* out, int n) {
    const float* nothing = nullptr;
    out[threadIdx.x] = nothing[threadIdx.x];  // <- null_pointer
}
extern "C" __global__ void plain_copy(const float* x, float* out, int n) {
    int i = GRID_INDEX;
    if (i < n)
        out[i] = x[i];  // <- plain_copy
}
extern "C" __global__ void stack_of_another_thread(const float* x, float* out, int n) {
    __shared__ float* shared;
    float mine = x[threadIdx.x];
    if (threadIdx.x == 5) shared = &mine;
    __syncthreads();
    out[threadIdx.x] = threadIdx.x == 6 ? *shared : mine;  // <- stack_of_another_thread
    __syncthreads();
}

// --- races -------------------------------------------------------------------------------------------------------

extern "C" __global__ void read_then_write_without_barrier(const float* x, float* out, int n) {
    __shared__ float s[64];
    s[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    float other = s[63 - threadIdx.x];  // <- read_then_write_without_barrier
    s[threadIdx.x] = other;  // <- read_then_write_without_barrier
    __syncthreads();
    out[threadIdx.x] = s[threadIdx.x];
}
extern "C" __global__ void all_write_one(const float* x, float* out, int n) {
    __shared__ float s;
    s = x[threadIdx.x];  // <- all_write_one
    __syncthreads();
    out[threadIdx.x] = s;
}
extern "C" __global__ void read_by_all_then_written(const float* x, float* out, int n) {
    __shared__ float s;
    if (threadIdx.x == 0) s = x[0];
    __syncthreads();
    out[threadIdx.x] = s;
    __syncwarp();
    if (threadIdx.x == 63) s = 2.0f;  // <- read_by_all_then_written
}
extern "C" __global__ void global_race_in_block(const float* x, float* out, int n) {
    out[0] += x[threadIdx.x];  // <- global_race_in_block
}
extern "C" __global__ void race_between_blocks(const float* x, float* out, int n) {
    if (threadIdx.x == 0) out[0] += x[blockIdx.x];  // <- race_between_blocks
}
extern "C" __global__ void neighbouring_block_overlaps(const float* x, float* out, int n) {
    out[blockIdx.x * 31 + threadIdx.x] = 1.0f;  // <- neighbouring_block_overlaps
}
extern "C" __global__ void byte_race(const float* x, unsigned char* out, int n) {
    out[threadIdx.x / 2] = 1;  // <- byte_race
}
extern "C" __global__ void missing_syncwarp(const float* x, float* out, int n) {
    __shared__ float s[64];
    s[threadIdx.x] = x[threadIdx.x];
    __syncwarp();
    float other = s[threadIdx.x ^ 1];  // <- missing_syncwarp
    s[threadIdx.x] = other;  // <- missing_syncwarp
    __syncwarp();
    out[threadIdx.x] = s[threadIdx.x];
}
extern "C" __global__ void half_of_the_warp_syncs(const float* x, float* out, int n) {
    __shared__ float s[64];
    s[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    if (threadIdx.x % 32 < 16) __syncwarp(0x0000ffffu); else __syncwarp(0xffff0000u);
    s[threadIdx.x] += 1.0f;  // <- half_of_the_warp_syncs
    if (threadIdx.x % 32 < 16) __syncwarp(0x0000ffffu); else __syncwarp(0xffff0000u);
    out[threadIdx.x] = s[threadIdx.x ^ 16];  // <- half_of_the_warp_syncs
}
extern "C" __global__ void other_half_reads(const float* x, float* out, int n) {
    __shared__ float s[16];
    if (threadIdx.x < 16) {
        s[threadIdx.x] = x[threadIdx.x];  // <- other_half_reads
        __syncwarp(0x0000ffffu);
    } else {
        __syncwarp(0xffff0000u);
        out[threadIdx.x] = s[threadIdx.x - 16];  // <- other_half_reads
    }
}
extern "C" __global__ void syncwarp_across_warps(const float* x, float* out, int n) {
    __shared__ float s[64];
    s[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    s[threadIdx.x] = 2.0f;  // <- syncwarp_across_warps
    __syncwarp();
    out[threadIdx.x] = s[threadIdx.x ^ 32];  // <- syncwarp_across_warps
}
extern "C" __global__ void atomic_and_plain(const float* x, float* out, int n) {
    atomicAdd(out, x[threadIdx.x]);  // <- atomic_and_plain
    if (threadIdx.x == 40) out[0] = 0.0f;  // <- atomic_and_plain
}
__device__ float counter_of_module;
extern "C" __global__ void device_variable_race(const float* x, float* out, int n) {
    counter_of_module += x[threadIdx.x];  // <- device_variable_race
}

// --- the last block reduces --------------------------------------------------------------------------------------

extern "C" __global__ void ticket_without_fence(const float* x, float* partial, unsigned* ticket, float* out) {
    __shared__ bool last;
    if (threadIdx.x == 0) {
        partial[blockIdx.x] = x[blockIdx.x];
        last = atomicAdd(ticket, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (last && threadIdx.x == 0)
        for (int i = 0; i < gridDim.x; ++i) *out += partial[i];  // <- ticket_without_fence
}
extern "C" __global__ void fence_without_ticket(const float* x, float* partial, unsigned* ticket, float* out) {
    if (threadIdx.x == 0) {
        partial[blockIdx.x] = x[blockIdx.x];
        __threadfence();
    }
    __syncthreads();
    if (blockIdx.x == gridDim.x / 2 && threadIdx.x == 0)
        for (int i = 0; i < gridDim.x; ++i) atomicAdd(out, partial[i]);  // <- fence_without_ticket
}
extern "C" __global__ void fence_before_the_write(const float* x, float* partial, unsigned* ticket, float* out) {
    __shared__ bool last;
    if (threadIdx.x == 0) {
        __threadfence();
        partial[blockIdx.x] = x[blockIdx.x];
        last = atomicAdd(ticket, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (last && threadIdx.x == 0)
        for (int i = 0; i < gridDim.x; ++i) *out += partial[i];  // <- fence_before_the_write
}
extern "C" __global__ void ticket_before_the_barrier(const float* x, float* partial, unsigned* ticket, float* out) {
    __shared__ bool last;
    partial[blockIdx.x * blockDim.x + threadIdx.x] = x[blockIdx.x];
    if (threadIdx.x == 0) {
        __threadfence();
        last = atomicAdd(ticket, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (last && threadIdx.x == 0)
        for (int i = 0; i < gridDim.x * blockDim.x; ++i) *out += partial[i];  // <- ticket_before_the_barrier
}
extern "C" __global__ void fence_of_the_block_only(const float* x, float* partial, unsigned* ticket, float* out) {
    __shared__ bool last;
    if (threadIdx.x == 0) {
        partial[blockIdx.x] = x[blockIdx.x];
        __threadfence_block();
        last = atomicAdd(ticket, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (last && threadIdx.x == 0)
        for (int i = 0; i < gridDim.x; ++i) *out += partial[i];  // <- fence_of_the_block_only
}

// --- barriers and warps ------------------------------------------------------------------------------------------

extern "C" __global__ void barrier_after_exit(const float* x, float* out, int n) {
    if (threadIdx.x >= 50) return;
    __syncthreads();  // <- barrier_after_exit
    out[threadIdx.x] = 1.0f;
}
extern "C" __global__ void two_barriers(const float* x, float* out, int n) {
    if (threadIdx.x < 32) {
        __syncthreads();  // <- two_barriers
    } else {
        __syncthreads();  // <- two_barriers
    }
    out[threadIdx.x] = 1.0f;
}
extern "C" __global__ void two_barriers_on_one_line(const float* x, float* out, int n) {
    if (threadIdx.x < 32) __syncthreads(); else __syncthreads();  // <- two_barriers_on_one_line
    out[threadIdx.x] = 1.0f;
}
extern "C" __global__ void mask_without_the_caller(const float* x, float* out, int n) {
    out[threadIdx.x] = __shfl_down_sync(0x7fffffffu, x[threadIdx.x], 0);  // <- mask_without_the_caller
}
extern "C" __global__ void shuffle_from_exited(const float* x, float* out, int n) {
    if (threadIdx.x >= 48) return;
    out[threadIdx.x] = __shfl_down_sync(0xffffffffu, x[threadIdx.x], 16);  // <- shuffle_from_exited
}
extern "C" __global__ void shuffle_from_nobody(const float* x, float* out, int n) {
    out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, x[threadIdx.x], 16);  // <- shuffle_from_nobody
}
extern "C" __global__ void shuffle_out_of_mask(const float* x, float* out, int n) {
    float v = 0.0f;
    if (threadIdx.x % 32 < 16) v = __shfl_sync(0x0000ffffu, x[threadIdx.x], 20);  // <- shuffle_out_of_mask
    out[threadIdx.x] = v;
}
extern "C" __global__ void diverged_shuffles(const float* x, float* out, int n) {
    float v = x[threadIdx.x];
    if (threadIdx.x % 32 < 16)
        v = __shfl_xor_sync(0xffffffffu, v, 1);  // <- diverged_shuffles
    else
        v = __shfl_xor_sync(0xffffffffu, v, 2);  // <- diverged_shuffles
    out[threadIdx.x] = v;
}
extern "C" __global__ void overlapping_masks(const float* x, float* out, int n) {
    float v = x[threadIdx.x];
    if (threadIdx.x % 32 < 16)
        v = __shfl_xor_sync(0x0001ffffu, v, 1);  // <- overlapping_masks
    else
        v = __shfl_xor_sync(0xffff8000u, v, 1);  // <- overlapping_masks
    out[threadIdx.x] = v;
}
extern "C" __global__ void shuffle_and_barrier(const float* x, float* out, int n) {
    float v = x[threadIdx.x];
    if (threadIdx.x < 16)
        v = __shfl_xor_sync(0xffffffffu, v, 1);  // <- shuffle_and_barrier
    __syncthreads();
    out[threadIdx.x] = v;
}

// --- values ------------------------------------------------------------------------------------------------------

extern "C" __global__ void misaligned_vector(const float* x, float* out, int n) {
    float4 v = *reinterpret_cast<const float4*>(x + 1);  // <- misaligned_vector
    out[threadIdx.x] = v.x;
}
extern "C" __global__ void misaligned_atomic(const float* x, float* out, int n) {
    atomicAdd(reinterpret_cast<unsigned long long*>(out + 1), 1ull);  // <- misaligned_atomic
}
extern "C" __global__ void misaligned_plain(const float* x, float* out, int n) {
    const char* bytes = reinterpret_cast<const char*>(x);
    out[threadIdx.x] = *reinterpret_cast<const int*>(bytes + 2);  // <- misaligned_plain
}
extern "C" __global__ void misaligned_shared(const float* x, float* out, int n) {
    __shared__ float s[64];
    s[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    if (threadIdx.x < 16)
        reinterpret_cast<float4*>(out)[threadIdx.x] = reinterpret_cast<float4*>(s)[threadIdx.x];  // <- misaligned_shared
}
extern "C" __global__ void uninitialised_shared(const float* x, float* out, int n) {
    __shared__ float s[64];
    if (threadIdx.x < 60) s[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = s[threadIdx.x];  // <- uninitialised_shared
}
extern "C" __global__ void kept_from_the_last_block(const float* x, float* out, int n) {
    __shared__ unsigned char s[64];
    if (blockIdx.x == 0) s[threadIdx.x] = 1;
    __syncthreads();
    out[GRID_INDEX] = s[threadIdx.x];  // <- kept_from_the_last_block
}
extern "C" __global__ void sum_overflows(const float* x, float* out, int n) {
    out[0] = n + 2147483647;  // <- sum_overflows
}
extern "C" __global__ void product_overflows(const float* x, float* out, int n) {
    long long big = n * 50000000;  // <- product_overflows
    out[0] = big;
}
extern "C" __global__ void negation_overflows(const float* x, float* out, int n) {
    out[0] = -(-2147483647 - 1 + n - n);  // <- negation_overflows
}
extern "C" __global__ void shift_too_far(const float* x, float* out, int n) {
    out[0] = 1u << n;  // <- shift_too_far
}
extern "C" __global__ void divided_by_zero(const float* x, float* out, int n) {
    out[threadIdx.x] = n / (static_cast<int>(threadIdx.x) - 3);  // <- divided_by_zero
}
extern "C" __global__ void write_to_const(const float* x, float* out, int n) {
    const_cast<float*>(x)[threadIdx.x] = 1.0f;  // <- write_to_const
}
__constant__ float table[4] = {1, 2, 3, 4};
extern "C" __global__ void write_to_constant_memory(const float* x, float* out, int n) {
    table[threadIdx.x % 4] = 1.0f;  // <- write_to_constant_memory
}
extern "C" __global__ void runs_forever(const float* x, float* out, int n) {
    while (n != 0) {  // <- runs_forever
    }
    out[0] = 1.0f;
}
extern "C" __global__ void waits_forever(const float* x, float* out, int n) {
    if (blockIdx.x == 0)
        while (atomicAdd(out, 0.0f) == 0.0f)  // <- waits_forever
            ;
    out[0] = 1.0f;
}
extern "C" __global__ void assertion_fails(const float* x, float* out, int n) {
    assert(n < 3 || threadIdx.x < 7);  // <- assertion_fails
}
extern "C" __global__ void assumes_what_is_not_so(const float* x, float* out, int n) {
    __builtin_assume(n < 3);  // <- assumes_what_is_not_so
}
extern "C" __global__ void traps(const float* x, float* out, int n) {
    if (threadIdx.x == 9) __trap();  // <- traps
}
extern "C" __global__ void reaches_the_unreachable(const float* x, float* out, int n) {
    if (threadIdx.x == 9) __builtin_unreachable();  // <- reaches_the_unreachable
    out[threadIdx.x] = 1.0f;
}
__device__ __noinline__ float recursion(int n) {
    volatile float room[256];
    room[n % 256] = n;
    return n < 0 ? 0.0f : recursion(n + 1) + room[n % 256];
}
extern "C" __global__ void recursion_without_end(const float* x, float* out, int n) {
    out[0] = recursion(1);
}
