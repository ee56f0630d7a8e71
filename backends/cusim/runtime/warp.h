// Collective operations of a warp: the lanes named in a mask wait for each other and see each other's values.
#pragma once
#include <cstring>

#include "happens_before.h"
#include "scheduler.h"

namespace cusim {

struct Warp {
    unsigned exists, exited;        // lanes
    unsigned waiting, busy;         // exchanges that wait for lanes; that are waiting or have values yet to be read
    Exchange exchanges[warp_size];  // each lane is in one at a time, so that there are always enough
};

inline Warp warps[max_warps];

inline void forget_exchanges() {
    for (Warp& warp : warps) {
        warp.waiting = warp.busy = 0;
        for (Exchange& exchange : warp.exchanges) exchange.arrived = exchange.unread = 0;
    }
    for (Thread& thread : scheduler.threads) thread.exchange = nullptr;
}

inline void start_warps() {
    for (unsigned w = 0; w < scheduler.launch.warps; ++w) {
        const unsigned lanes = std::min(warp_size, scheduler.launch.threads - w * warp_size);
        warps[w].exists = lanes == warp_size ? ~0u : (1u << lanes) - 1;
        warps[w].exited = 0;
    }
}

// The thread has read what it wanted from its last exchange.
inline void release_exchange(unsigned thread, Warp& warp) {
    Exchange*& exchange = scheduler.threads[thread].exchange;
    if (exchange == nullptr) return;
    if (--exchange->unread == 0) warp.busy &= ~(1u << (exchange - warp.exchanges));
    exchange = nullptr;
}

// Lanes that have exited are not waited for, as the CUDA manual says of every mask.
inline bool is_complete(const Exchange& e, const Warp& warp) {
    return e.arrived == (e.mask & warp.exists & ~warp.exited);
}

inline void complete(unsigned index, unsigned w) {
    Exchange& e = warps[w].exchanges[index];
    warps[w].waiting &= ~(1u << index);
    if (scheduler.launch.check) warp_synchronised(w, e.arrived);
    const unsigned* lanes = scheduler.order + scheduler.launch.first_in_order[w];
    const unsigned count = std::min(warp_size, scheduler.launch.threads - w * warp_size);
    for (unsigned i = 0; i < count; ++i)
        if (e.arrived >> lanes[i] % warp_size & 1 && lanes[i] != scheduler.current) scheduler.wake(lanes[i]);
}

inline const Exchange* exchange_values(unsigned mask, const void* value, size bytes, unsigned operation,
                                       const void* site) {
    if (site == nullptr) site = __builtin_return_address(0);
    const unsigned me = scheduler.current, lane = me % warp_size, w = me / warp_size;
    Warp& warp = warps[w];
    release_exchange(me, warp);
    if (!(mask >> lane & 1))
        fail("wrong mask", site, "a warp operation with mask 0x%08x, in which the calling lane %u is missing", mask,
             lane);

    unsigned index = warp_size;
    for (unsigned rest = warp.waiting; rest != 0 && index == warp_size; rest &= rest - 1) {
        const unsigned i = static_cast<unsigned>(__builtin_ctz(rest));
        const Exchange& e = warp.exchanges[i];
        if (e.mask != mask) continue;
        // A __syncwarp() may meet another one elsewhere; the others must be one and the same instruction.
        const bool same_place = !scheduler.launch.check || operation == 0 || e.site == site;
        if (e.operation != operation || !same_place)
            fail("divergent warp operation", site,
                 "divergent warp operation: lane %u is at " CUSIM_PLACE
                 ", lanes 0x%08x wait at another one, " CUSIM_PLACE,
                 lane, site, e.arrived, e.site);
        index = i;
    }
    if (index == warp_size) {
        index = static_cast<unsigned>(__builtin_ctz(~warp.busy));
        Exchange& e = warp.exchanges[index];
        e.mask = mask;
        e.operation = operation;
        e.site = site;
        e.arrived = 0;
        warp.waiting |= 1u << index;
        warp.busy |= 1u << index;
    }
    Exchange& mine = warp.exchanges[index];
    if (bytes != 0) memcpy(mine.values[lane], value, bytes);
    mine.arrived |= 1u << lane;
    ++mine.unread;
    scheduler.threads[me].exchange = &mine;
    if (is_complete(mine, warp)) {
        complete(index, w);
    } else {
        scheduler.wait(State::in_exchange, site);
    }
    return &mine;
}

inline void absent_lane(const Exchange* exchange, unsigned source, const char* name, const void* site) {
    if (!scheduler.launch.check) return;
    const Warp& warp = warps[scheduler.current / warp_size];
    const char* why = !(warp.exists >> source & 1)      ? "does not exist"
                      : !(exchange->mask >> source & 1) ? "is not in the mask"
                                                        : "has exited";
    fail("divergent warp operation", site, "%s: lane %u reads from lane %u, which %s (mask 0x%08x)", name, machine.lane,
         source, why, exchange->mask);
}

// Others may have waited for this lane alone.
inline void thread_exited(unsigned thread) {
    const unsigned w = thread / warp_size;
    Warp& warp = warps[w];
    release_exchange(thread, warp);
    warp.exited |= 1u << thread % warp_size;
    for (unsigned rest = warp.waiting; rest != 0; rest &= rest - 1) {
        const unsigned i = static_cast<unsigned>(__builtin_ctz(rest));
        if (is_complete(warp.exchanges[i], warp)) complete(i, w);
    }
    if (scheduler.launch.check && warp.exited == warp.exists) traffic.flush_warp(w);
}

}  // namespace cusim
