// __syncthreads: every thread of the block arrives at the same barrier, then all go on.
#pragma once
#include "happens_before.h"
#include "scheduler.h"
#include "traffic.h"

namespace cusim {

struct Barrier {
    unsigned arrived, agreed, result;
    const void* site;
    unsigned first;  // the thread that came first
};

inline Barrier barrier;

inline unsigned synchronise_block(unsigned predicate, const void* site) {
    if (site == nullptr) site = __builtin_return_address(0);
    Scheduler& s = scheduler;
    if (barrier.arrived == 0) {
        barrier.site = site;
        barrier.agreed = 0;
        barrier.first = s.current;
    } else if (s.launch.check && barrier.site != site) {
        const Index& other = s.threads[barrier.first].index;
        fail("divergent barrier", site,
             "divergent __syncthreads(): this thread is at " CUSIM_PLACE
             ", thread (%u, %u, %u) waits at another one, " CUSIM_PLACE,
             site, other.x, other.y, other.z, barrier.site);
    }
    barrier.agreed += predicate != 0;
    if (++barrier.arrived < s.launch.threads) {
        s.wait(State::at_barrier, site);
        return barrier.result;
    }
    barrier.arrived = 0;
    barrier.result = barrier.agreed;
    if (s.launch.check) {
        block_synchronised();
        traffic.flush();
    }
    for (unsigned i = 0; i < s.launch.threads; ++i)
        if (s.order[i] != s.current) s.wake(s.order[i]);
    return barrier.result;
}

}  // namespace cusim
