// What the kernels' modules and the runtime share: the state of the simulated device and the services of the runtime.
//
// A module (one compiled CUDA source) holds a pointer to the one Machine of the process and calls the runtime only
// through the pointers in it, so no symbol has to be resolved between the libraries.
#pragma once

namespace cusim {

typedef __SIZE_TYPE__ size;
typedef __UINTPTR_TYPE__ address;

constexpr unsigned warp_size = 32;
constexpr unsigned max_threads = 1024;
constexpr unsigned max_warps = max_threads / warp_size;
constexpr size max_shared = 227 * 1024;  // what a block may have at most, of all architectures (sm_90)
constexpr size shared_guard = 256;       // unused bytes around dynamic shared memory
constexpr size stack_size = 256 * 1024;  // of one thread

struct Index {
    unsigned x, y, z;
};

enum Kind : unsigned { reading, writing, atomically };

// What the lanes of a warp told each other in one collective operation.
struct Exchange {
    unsigned mask;     // the lanes that the callers named
    unsigned arrived;  // the lanes that came; in the end, those that took part
    unsigned unread;   // how many have not gone on yet
    unsigned operation;
    const void* site;
    alignas(16) unsigned char values[warp_size][16];
};

struct Machine {
    // Read by every thread all the time, hence first.
    Index thread, block, block_size, grid_size;
    unsigned lane;
    address stack;         // the lowest address of the running thread's stack
    long long steps_left;  // basic blocks and accesses to memory that the running thread may still execute (check mode)

    // `site` is the address in the kernel that asked; null stands for the place that called.
    unsigned (*synchronise_block)(unsigned predicate, const void* site);  // returns how many threads said yes
    const Exchange* (*exchange)(unsigned mask, const void* value, size bytes, unsigned operation, const void* site);
    void (*absent_lane)(const Exchange*, unsigned source, const char* name, const void* site);
    void (*fence)(bool whole_device);
    void (*access)(address, size, Kind, const void* site);
    void (*atomic)(address, size, const void* site);
    void (*shared_array)(const char* name, void* where, size bytes, size outer_before, size outer_after);
    void (*misaligned)(const void*, const char* type, size alignment, const void* site);
    bool (*is_global)(const void*);
    void (*out_of_steps)(const void* site);
    void (*fail)(const char* kind, const void* site, const char* format, ...)
        __attribute__((format(printf, 3, 4)));  // does not return
};

struct ParameterInfo {
    char kind, pointee_kind;  // p: pointer, i, u: integer, f: float, b: bool, s: struct
    bool pointee_is_const;
    int bytes, pointee_bytes;
};

struct KernelInfo {
    const char* name;
    void (*entry)(void** arguments);
    const ParameterInfo* parameters;
    int parameter_count;
    int max_threads;  // of __launch_bounds__; 0 without
    int number;       // in the list of declarations that were found in the source
};

// Shared arrays that were made when the module was loaded.
struct EarlyShared {
    static constexpr int most = 64;
    struct {
        const char* name;
        void* where;
        size bytes, before, after;
    } arrays[most];
    int count;
};

struct ModuleInfo {
    Machine** machine;
    const KernelInfo* kernels;
    int kernel_count;
    char* dynamic_shared;  // max_shared bytes with guards around them
    const EarlyShared* early_shared;
    const char *constants, *constants_end;
};

}  // namespace cusim
