// The runtime as one library: a launch, block after block, and what Python calls.
#pragma once
#include <cstdio>

#include "barriers.h"
#include "deadlock.h"
#include "faults.h"
#include "happens_before.h"
#include "memory_check.h"
#include "traffic.h"
#include "warp.h"

namespace cusim {

struct Buffer {
    address where;
    size bytes;
    const char* name;
    Shadow* shadow;
    int read_only;
};

struct Request {
    Module* module;
    const KernelInfo* kernel;
    unsigned grid[3], block[3];
    void** arguments;
    size dynamic_shared;
    int order, check, must_be_initialised;
    long long steps;
    const Buffer* buffers;
    size buffer_count;
};

enum Order { forward, reverse, shuffled };

struct Random {  // xorshift64*
    unsigned long long state;
    unsigned below(unsigned n) {
        state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
        return static_cast<unsigned>((state * 2685821657736338717ull >> 32) % n);
    }
};

// Which block is the n-th to run: a permutation that needs no table, as grids may have billions of blocks.
struct BlockOrder {
    unsigned long long count, start, step;
    Index grid;

    BlockOrder(Index g, int order) : count(1ull * g.x * g.y * g.z), start(0), step(1), grid(g) {
        if (order == reverse) start = count - 1, step = count - 1;
        if (order >= shuffled) {
            Random random{0x9e3779b97f4a7c15ull * static_cast<unsigned>(order)};
            start = random.below(static_cast<unsigned>(std::min(count, 0xffffffffull)));
            step = count / 2 + random.below(static_cast<unsigned>(std::min(count, 0xffffffffull))) / 2;
            while (step == 0 || gcd(step, count) != 1) ++step;
        }
    }
    Index operator[](unsigned long long n) const {
        const unsigned long long b =
            static_cast<unsigned long long>((static_cast<unsigned __int128>(n) * step + start) % count);
        return {static_cast<unsigned>(b % grid.x), static_cast<unsigned>(b / grid.x % grid.y),
                static_cast<unsigned>(b / grid.x / grid.y)};
    }
    static unsigned long long gcd(unsigned long long a, unsigned long long b) {
        while (b != 0) std::swap(a %= b, b);
        return a;
    }
};

inline BlockOrder block_order{{1, 1, 1}, forward};

inline Index block_index(unsigned number) { return block_order[number - clocks.first_block]; }

// Warps in some order, and the lanes of each in some order: a warp's lanes stay together, as they do on the device.
inline void order_threads(int order) {
    Launch& launch = scheduler.launch;
    unsigned warp_order[max_warps], at = 0;
    Random random{0xd1342543de82ef95ull * static_cast<unsigned>(order + 1)};
    auto arrange = [&](unsigned* items, unsigned count) {
        if (order == reverse) std::reverse(items, items + count);
        if (order >= shuffled)
            for (unsigned i = count - 1; i > 0; --i) std::swap(items[i], items[random.below(i + 1)]);
    };
    for (unsigned w = 0; w < launch.warps; ++w) warp_order[w] = w;
    arrange(warp_order, launch.warps);
    for (unsigned i = 0; i < launch.warps; ++i) {
        const unsigned w = warp_order[i], lanes = std::min(warp_size, launch.threads - w * warp_size);
        launch.first_in_order[w] = at;
        for (unsigned l = 0; l < lanes; ++l) scheduler.order[at + l] = w * warp_size + l;
        arrange(scheduler.order + at, lanes);
        at += lanes;
    }
}

inline void out_of_steps(const void* site) {
    if (faults.interrupted) fail("interrupted", site, "interrupted");
    fail("endless", site,
         "a thread has executed %lld steps: does it run forever? (blocks run one after another here, so a wait for "
         "another block never ends; DLCORE_CUSIM_STEPS raises the limit)",
         scheduler.launch.steps);
}

inline int run(const Request& request) {
    Launch& launch = scheduler.launch;
    launch.kernel = request.kernel->name;
    launch.entry = request.kernel->entry;
    launch.arguments = request.arguments;
    launch.check = request.check != 0;
    launch.steps = request.steps;
    machine.block_size = {request.block[0], request.block[1], request.block[2]};
    machine.grid_size = {request.grid[0], request.grid[1], request.grid[2]};
    launch.threads = machine.block_size.x * machine.block_size.y * machine.block_size.z;
    launch.warps = (launch.threads + warp_size - 1) / warp_size;
    for (unsigned t = 0; t < launch.threads; ++t)
        scheduler.threads[t].index = {t % machine.block_size.x, t / machine.block_size.x % machine.block_size.y,
                                      t / machine.block_size.x / machine.block_size.y};
    order_threads(request.order);
    block_order = BlockOrder(machine.grid_size, request.order);
    failure.failed = 0;
    if (launch.check) {
        static std::vector<Region> regions;
        regions.clear();
        for (size i = 0; i < request.buffer_count; ++i) {
            const Buffer& b = request.buffers[i];
            regions.push_back({b.where, b.where + b.bytes, b.name, b.shadow, Space::global, b.read_only != 0, b.where,
                               b.where + b.bytes});
        }
        memory.start_launch(request.module, regions.data(), regions.size());
        memory.must_be_initialised = request.must_be_initialised != 0;
        memory.set_dynamic_shared(request.module->info->dynamic_shared, request.dynamic_shared);
        if (block_order.count >= ~0u - clocks.block) Shadow::renumber(), clocks.block = 2;
        clocks.start_launch();
        traffic.start_launch();
    }
    faults.guard(request.module);
    for (unsigned long long n = 0; n < block_order.count && !failure.failed; ++n) {
        machine.block = block_order[n];
        barrier.arrived = 0;
        start_warps();
        if (launch.check) clocks.start_block();
        scheduler.run_block();
        if (faults.interrupted && !failure.failed) note_failure("interrupted", nullptr, "interrupted");
    }
    faults.release();
    fflush(stdout);
    if (failure.failed) forget_exchanges();  // as they are whenever a block has come to its end
    return failure.failed;
}

[[noreturn]] __attribute__((format(printf, 3, 4))) inline void fail_from_kernel(const char* kind, const void* site,
                                                                                const char* format, ...) {
    va_list values;
    va_start(values, format);
    write_failure(machine.block, machine.thread, kind, site != nullptr ? site : __builtin_return_address(0), format,
                  values);
    va_end(values);
    scheduler.give_up();
}

inline const void* place_of(unsigned number) { return sites[number].place; }

}  // namespace cusim

#define CUSIM_API extern "C" __attribute__((visibility("default")))

CUSIM_API cusim::Module* cusim_attach(const cusim::ModuleInfo* info) {
    using namespace cusim;
    if (!scheduler.fibers.reserve()) return nullptr;
    machine.synchronise_block = synchronise_block;
    machine.exchange = exchange_values;
    machine.absent_lane = absent_lane;
    machine.fence = fence;
    machine.access = access_memory;
    machine.atomic = access_atomically;
    machine.shared_array = shared_array;
    machine.misaligned = misaligned;
    machine.is_global = is_global;
    machine.out_of_steps = out_of_steps;
    machine.fail = fail_from_kernel;
    *info->machine = &machine;
    for (int i = 0; i < info->early_shared->count; ++i) {
        const auto& array = info->early_shared->arrays[i];
        shared_array(array.name, array.where, array.bytes, array.before, array.after);
    }
    return new Module(info);
}
CUSIM_API void cusim_detach(cusim::Module* module) { delete module; }
CUSIM_API void cusim_count_blocks_from(unsigned number) { cusim::clocks.block = number; }
CUSIM_API unsigned long cusim_base(const cusim::Module* module) { return module->low; }
CUSIM_API int cusim_launch(const cusim::Request* request) { return cusim::run(*request); }
CUSIM_API const cusim::Failure* cusim_failure() { return &cusim::failure; }
CUSIM_API cusim::size cusim_traffic(const cusim::SiteTraffic** rows, unsigned long long* totals) {
    const auto& results = cusim::traffic.results(cusim::place_of);
    *rows = results.data();
    totals[0] = cusim::memory.accesses;
    totals[1] = cusim::memory.unique_read;
    totals[2] = cusim::memory.unique_written;
    return results.size();
}
CUSIM_API cusim::Shadow* cusim_shadow_new(cusim::size bytes) {
    auto* shadow = new cusim::Shadow;
    if (shadow->allocate(bytes)) return shadow;
    delete shadow;
    return nullptr;
}
CUSIM_API void cusim_shadow_delete(cusim::Shadow* shadow) { delete shadow; }
CUSIM_API void cusim_shadow_written(cusim::Shadow* shadow, cusim::size offset, cusim::size bytes) {
    shadow->mark_written(offset, bytes, 1);
}
