// What a CUDA source sees instead of NVIDIA's headers. Every module begins with it.
#pragma once
#include "machine.h"

#define __CUSIM__ 1
#define __CUDA_ARCH__ 800

#define __device__
#define __host__
#define __global__
#define __constant__ __attribute__((section("cusim_constants")))
#define __managed__
#define __grid_constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __launch_bounds__(...)
#define __maxnreg__(...)

// Functions that talk to the runtime. In check mode they are calls that are not themselves checked, and the place
// that called them is the place in the kernel; otherwise they vanish into the kernel.
#ifdef CUSIM_CHECK
#if defined(__clang__)
#define CUSIM_UNCHECKED \
    __attribute__((no_sanitize("thread", "undefined", "coverage"), disable_sanitizer_instrumentation))
#else
#define CUSIM_UNCHECKED \
    __attribute__((no_sanitize("thread"), no_sanitize("undefined"), no_sanitize_coverage, optimize("O2")))
#endif
#define CUSIM_SERVICE static __attribute__((noinline, unused)) CUSIM_UNCHECKED
#define CUSIM_SITE __builtin_return_address(0)
#else
#define CUSIM_UNCHECKED
#define CUSIM_SERVICE static inline __attribute__((always_inline, unused))
#define CUSIM_SITE nullptr
#endif
#define CUSIM_INLINE static inline __attribute__((always_inline, unused))  // plain functions of their arguments

typedef __SIZE_TYPE__ size_t;

namespace cusim {
// While the module is being loaded, its own start-up code is checked code, too.
CUSIM_SERVICE void ignore_access(address, size, Kind, const void*) {}
static Machine unattached = {.steps_left = 1ll << 62, .access = ignore_access};
static Machine* machine = &unattached;
static EarlyShared early_shared;
alignas(1024) static char dynamic_shared[shared_guard + max_shared + shared_guard + 16];
}  // namespace cusim

#include "vector_types.h"

// --- where a thread is --------------------------------------------------------------------------------------

namespace cusim {
CUSIM_SERVICE uint3 thread_index() { return machine->thread; }
CUSIM_SERVICE uint3 block_index() { return machine->block; }
CUSIM_SERVICE uint3 block_size() { return machine->block_size; }
CUSIM_SERVICE uint3 grid_size() { return machine->grid_size; }
CUSIM_SERVICE unsigned lane_index() { return machine->lane; }
}  // namespace cusim

#define threadIdx (cusim::thread_index())
#define blockIdx (cusim::block_index())
#define blockDim (cusim::block_size())
#define gridDim (cusim::grid_size())
#define warpSize 32

// --- shared memory: the declarations are rewritten to these ----------------------------------------------------

namespace cusim {
template <size a, size b>
constexpr size larger = a > b ? a : b;

#ifdef CUSIM_CHECK
// Unused bytes on both sides, and no better alignment than was asked for: an array that needs more must say so.
template <class T, size alignment>
struct alignas(512) SharedArray {
    static constexpr size before = shared_guard + alignment % 256;
    char unused_before[before];
    alignas(alignment) char value[sizeof(T)];
    char unused_after[shared_guard];
    const char* marker;  // to as many bytes as `value` has: how the size is found in the object file
    bool known;

    constexpr explicit SharedArray(const char* m) : unused_before(), value(), unused_after(), marker(m), known(false) {}

    CUSIM_UNCHECKED __attribute__((noinline)) T& declare(const char* name) {
        if (known) return reinterpret_cast<T&>(value);
        known = true;
        if (machine != &unattached) {
            machine->shared_array(name, value, sizeof value, before, shared_guard);
        } else if (early_shared.count < EarlyShared::most) {  // outside of functions
            early_shared.arrays[early_shared.count++] = {name, value, sizeof value, before, shared_guard};
        }
        return reinterpret_cast<T&>(value);
    }
};
#else
template <class T, size alignment>
struct SharedArray {
    alignas(alignment) T value;
};
#endif
}  // namespace cusim

#define CUSIM_SHARED_TYPE(number, ...) \
    cusim::SharedArray<cusim_type_##number, cusim::larger<alignof(cusim_type_##number), (__VA_ARGS__)>>
#ifdef CUSIM_CHECK
#define CUSIM_SHARED(number, name, alignment, ...)                                           \
    using cusim_type_##number = __VA_ARGS__;                                                 \
    static char cusim_bytes_##number[sizeof(cusim_type_##number)];                           \
    static CUSIM_SHARED_TYPE(number, alignment) cusim_shared_##number(cusim_bytes_##number); \
    cusim_type_##number& name = cusim_shared_##number.declare(#name)
#define CUSIM_SHARED_OUTSIDE(number, name, alignment, ...)                                   \
    using cusim_type_##number = __VA_ARGS__;                                                 \
    static char cusim_bytes_##number[sizeof(cusim_type_##number)];                           \
    static CUSIM_SHARED_TYPE(number, alignment) cusim_shared_##number(cusim_bytes_##number); \
    static const bool cusim_known_##number = (cusim_shared_##number.declare(#name), true);   \
    static cusim_type_##number& name = reinterpret_cast<cusim_type_##number&>(cusim_shared_##number.value)
#else
#define CUSIM_SHARED(number, name, alignment, ...)                     \
    using cusim_type_##number = __VA_ARGS__;                           \
    static CUSIM_SHARED_TYPE(number, alignment) cusim_shared_##number; \
    cusim_type_##number& name = cusim_shared_##number.value
#define CUSIM_SHARED_OUTSIDE(number, name, alignment, ...)             \
    using cusim_type_##number = __VA_ARGS__;                           \
    static CUSIM_SHARED_TYPE(number, alignment) cusim_shared_##number; \
    static cusim_type_##number& name = cusim_shared_##number.value
#endif
#define CUSIM_DYNAMIC_SHARED(name, ...) \
    static __VA_ARGS__(&name)[] = *reinterpret_cast<__VA_ARGS__(*)[]>(cusim::dynamic_shared + cusim::shared_guard + 16)

// --- synchronisation --------------------------------------------------------------------------------------------

CUSIM_SERVICE void __syncthreads() { cusim::machine->synchronise_block(1, CUSIM_SITE); }
CUSIM_SERVICE int __syncthreads_count(int predicate) {
    return static_cast<int>(cusim::machine->synchronise_block(predicate != 0, CUSIM_SITE));
}
CUSIM_SERVICE int __syncthreads_or(int predicate) {
    return cusim::machine->synchronise_block(predicate != 0, CUSIM_SITE) != 0;
}
CUSIM_SERVICE int __syncthreads_and(int predicate) {
    return cusim::machine->synchronise_block(predicate == 0, CUSIM_SITE) == 0;
}
CUSIM_SERVICE void __threadfence() { cusim::machine->fence(true); }
CUSIM_SERVICE void __threadfence_system() { cusim::machine->fence(true); }
CUSIM_SERVICE void __threadfence_block() { cusim::machine->fence(false); }

// --- copies ------------------------------------------------------------------------------------------------------

namespace cusim {
// By bytes, and towards overlapping memory, too: a call of memcpy could be one of a checked memcpy.
CUSIM_SERVICE void* copy_unchecked(void* to, const void* from, size bytes) {
    char* out = static_cast<char*>(to);
    const char* in = static_cast<const char*>(from);
    if (out <= in)
        for (size i = 0; i < bytes; ++i) out[i] = in[i];
    else
        for (size i = bytes; i-- > 0;) out[i] = in[i];
    return to;
}
CUSIM_SERVICE void* set_unchecked(void* to, int value, size bytes) {
    for (size i = 0; i < bytes; ++i) static_cast<char*>(to)[i] = static_cast<char>(value);
    return to;
}
}  // namespace cusim
#ifdef CUSIM_CHECK
#define CUSIM_MEMCPY cusim::copy_unchecked
#else
#define CUSIM_MEMCPY __builtin_memcpy
#endif

#include "device_atomics.h"
#include "device_math.h"
#include "device_warp.h"
#include "half.h"

// --- memory -----------------------------------------------------------------------------------------------------

// Caches are not simulated, so all loads are one, and all stores.
#define CUSIM_LOAD(name)            \
    template <class T>              \
    CUSIM_INLINE T name(const T* p) { \
        return *p;                  \
    }
#define CUSIM_STORE(name)                    \
    template <class T>                       \
    CUSIM_INLINE void name(T* p, T value) {  \
        *p = value;                          \
    }
CUSIM_LOAD(__ldg)
CUSIM_LOAD(__ldca)
CUSIM_LOAD(__ldcg)
CUSIM_LOAD(__ldcs)
CUSIM_LOAD(__ldlu)
CUSIM_LOAD(__ldcv)
CUSIM_STORE(__stwb)
CUSIM_STORE(__stcg)
CUSIM_STORE(__stcs)
CUSIM_STORE(__stwt)

CUSIM_SERVICE unsigned __isGlobal(const void* pointer) { return cusim::machine->is_global(pointer); }

namespace cusim {
CUSIM_SERVICE void accessed(const void* p, size bytes, Kind kind, const void* site) {
#ifdef CUSIM_CHECK
    const address where = reinterpret_cast<address>(p);
    if (bytes != 0 && where - machine->stack >= stack_size) machine->access(where, bytes, kind, site);
#else
    (void)p, (void)bytes, (void)kind, (void)site;
#endif
}
CUSIM_SERVICE void* copy_bytes(void* to, const void* from, size bytes) {
    accessed(from, bytes, reading, CUSIM_SITE);
    accessed(to, bytes, writing, CUSIM_SITE);
    return copy_unchecked(to, from, bytes);
}
CUSIM_SERVICE void* set_bytes(void* to, int value, size bytes) {
    accessed(to, bytes, writing, CUSIM_SITE);
    return set_unchecked(to, value, bytes);
}
}  // namespace cusim
#define memcpy(to, from, bytes) cusim::copy_bytes(to, from, bytes)
#define memset(to, value, bytes) cusim::set_bytes(to, value, bytes)

// --- the rest ---------------------------------------------------------------------------------------------------

extern "C" int printf(const char* format, ...);

namespace cusim {
CUSIM_SERVICE void failed_assertion(const char* text) {
    machine->fail("assertion", CUSIM_SITE, "assertion failed: %s", text);
    __builtin_unreachable();
}
CUSIM_SERVICE void wrong_assumption(const char* text) {
    machine->fail("assertion", CUSIM_SITE, "__builtin_assume is told what is not so: %s", text);
    __builtin_unreachable();
}
CUSIM_SERVICE long long ticks() {
    static long long count;
    return count += 32;
}
}  // namespace cusim
#define assert(condition) ((condition) ? (void)0 : cusim::failed_assertion(#condition))
CUSIM_SERVICE void __trap() {
    cusim::machine->fail("trap", CUSIM_SITE, "__trap()");
    __builtin_unreachable();
}
#ifdef CUSIM_CHECK
#define __builtin_assume(condition) ((condition) ? (void)0 : cusim::wrong_assumption(#condition))
#elif !defined(__clang__)
#define __builtin_assume(condition) ((void)0)
#endif
CUSIM_SERVICE long long clock64() { return cusim::ticks(); }
CUSIM_SERVICE int clock() { return static_cast<int>(cusim::ticks()); }
CUSIM_SERVICE void __nanosleep(unsigned) {}

#ifdef CUSIM_CHECK
#include "instrumentation.h"
#endif
#include "kernel_table.h"
