// Collective operations of a warp: the lanes named in a mask wait for each other and see each other's values.
#pragma once
#include <cstring>

#include "happens_before.h"
#include "scheduler.h"

namespace cusim {

struct Warp {
    unsigned exists, exited;       // lanes
    Exchange exchanges[warp_size];  // each lane is in one at a time, so that there are always enough
};

inline Warp warps[max_warps];

inline void start_warps() {
    for (unsigned w = 0; w < scheduler.launch.warps; ++w) {
        unsigned lanes = std::min(warp_size, scheduler.launch.threads - w * warp_size);
        warps[w].exists = lanes == warp_size ? ~0u : (1u << lanes) - 1;
        warps[w].exited = 0;
        for (Exchange& e : warps[w].exchanges) e.unread = e.waiting = 0;
    }
}

// The thread has read what it wanted from its last exchange.
inline void release_exchange(unsigned thread) {
    Exchange*& exchange = scheduler.threads[thread].exchange;
    if (exchange != nullptr) --exchange->unread;
    exchange = nullptr;
}

// Lanes that have exited are not waited for, as the CUDA manual says of every mask.
inline bool is_complete(const Exchange& e, const Warp& warp) {
    return (e.waiting & e.mask) == (e.mask & warp.exists & ~warp.exited);
}

inline void complete(Exchange& e, unsigned warp) {
    e.present = e.waiting;
    e.waiting = 0;
    if (scheduler.launch.check) warp_synchronised(warp, e.present);
    const unsigned* lanes = scheduler.order + scheduler.launch.first_in_order[warp];
    unsigned count = std::min(warp_size, scheduler.launch.threads - warp * warp_size);
    for (unsigned i = 0; i < count; ++i)
        if (e.present >> lanes[i] % warp_size & 1 && lanes[i] != scheduler.current) scheduler.wake(lanes[i]);
}

inline const Exchange* exchange_values(unsigned mask, const void* value, size bytes, unsigned operation, const void* site) {
    if (site == nullptr) site = __builtin_return_address(0);
    unsigned me = scheduler.current, lane = me % warp_size, w = me / warp_size;
    Warp& warp = warps[w];
    release_exchange(me);
    if (!(mask >> lane & 1))
        fail("wrong mask", site, "a warp operation with mask 0x%08x, in which the calling lane %u is missing", mask, lane);

    Exchange *mine = nullptr, *free = nullptr;
    for (Exchange& e : warp.exchanges) {
        if (e.waiting != 0 && e.mask == mask) {
            if (e.operation != operation || (scheduler.launch.check && e.site != site))
                fail("divergent warp operation", site,
                     "divergent warp operation: lane %u is at " CUSIM_PLACE ", lanes 0x%08x wait at another one, " CUSIM_PLACE, lane, site,
                     e.waiting, e.site);
            mine = &e;
            break;
        }
        if (free == nullptr && e.waiting == 0 && e.unread == 0) free = &e;
    }
    if (mine == nullptr) {
        mine = free;
        mine->mask = mask;
        mine->operation = operation;
        mine->site = site;
    }
    if (bytes != 0) memcpy(mine->values[lane], value, bytes);
    mine->waiting |= 1u << lane;
    ++mine->unread;
    scheduler.threads[me].exchange = mine;
    if (is_complete(*mine, warp)) {
        complete(*mine, w);
    } else {
        scheduler.wait(State::in_exchange, site);
    }
    return mine;
}

inline void absent_lane(const Exchange* exchange, unsigned source, const char* name, const void* site) {
    if (!scheduler.launch.check) return;
    if (site == nullptr) site = __builtin_return_address(0);
    const Warp& warp = warps[scheduler.current / warp_size];
    const char* why = !(warp.exists >> source & 1)       ? "does not exist"
                      : !(exchange->mask >> source & 1) ? "is not in the mask"
                                                        : "has exited";
    fail("divergent warp operation", site, "%s: lane %u reads from lane %u, which %s (mask 0x%08x)", name, machine.lane, source, why,
         exchange->mask);
}

// Others may have waited for this lane alone.
inline void thread_exited(unsigned thread) {
    unsigned w = thread / warp_size;
    Warp& warp = warps[w];
    release_exchange(thread);
    warp.exited |= 1u << thread % warp_size;
    for (Exchange& e : warp.exchanges)
        if (e.waiting != 0 && is_complete(e, warp)) complete(e, w);
    if (scheduler.launch.check && warp.exited == warp.exists) traffic.flush_warp(w);
}

}  // namespace cusim
