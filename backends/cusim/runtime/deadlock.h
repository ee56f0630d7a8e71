// Every thread waits or has exited: says who waits where.
#pragma once
#include "barriers.h"
#include "warp.h"

namespace cusim {

[[noreturn]] inline void nothing_can_run() {
    unsigned exited = 0, waiting = 0;
    const Thread* at_barrier = nullptr;
    const Thread* gone = nullptr;
    const Thread* in_warp = nullptr;
    for (unsigned t = 0; t < scheduler.launch.threads; ++t) {
        const Thread& thread = scheduler.threads[t];
        if (thread.state == State::at_barrier) {
            ++waiting;
            if (at_barrier == nullptr) at_barrier = &thread;
        } else if (thread.state == State::in_exchange) {
            if (in_warp == nullptr) in_warp = &thread;
        } else if (thread.state == State::exited) {
            ++exited;
            if (gone == nullptr) gone = &thread;
        }
    }
    const Thread& culprit = in_warp != nullptr ? *in_warp : *at_barrier;
    machine.thread = culprit.index;
    if (in_warp == nullptr)
        fail("divergent barrier", at_barrier->site,
             "divergent __syncthreads(): %u of %u threads wait here, %u have exited without it, thread (%u, %u, %u) "
             "for one",
             waiting, scheduler.launch.threads, exited, gone->index.x, gone->index.y, gone->index.z);
    unsigned thread = static_cast<unsigned>(in_warp - scheduler.threads);
    const Warp& warp = warps[thread / warp_size];
    const Exchange& e = *in_warp->exchange;
    unsigned missing = e.mask & warp.exists & ~warp.exited & ~e.arrived;
    for (unsigned rest = warp.waiting; rest != 0; rest &= rest - 1) {
        const Exchange& other = warp.exchanges[__builtin_ctz(rest)];
        if (&other != &e && other.arrived & missing)
            fail(
                "wrong mask", in_warp->site,
                "a warp operation with mask 0x%08x waits for lanes 0x%08x, which wait with mask 0x%08x at " CUSIM_PLACE,
                e.mask, missing, other.mask, other.site);
    }
    fail("deadlock", in_warp->site,
         "deadlock: a warp operation with mask 0x%08x waits for lanes 0x%08x, which wait at the __syncthreads() "
         "of " CUSIM_PLACE,
         e.mask, missing, at_barrier->site);
}

}  // namespace cusim
