// Which accesses are ordered before which, by barriers, warp operations, and atomics with fences.
//
// Events (a barrier passed, a warp operation completed, a fence) are numbered within a block. A thread's stamp is the
// number of the last event that it took part in, and an access bears the stamp of its thread. An access of thread u
// with stamp s is ordered before the present of thread t of the same block if
//   - u is t, or
//   - s is older than the last barrier, which all passed, or
//   - u and t are lanes of one warp, and t knows of an event later than s that u took part in: each lane keeps the
//     last such event of every lane of its warp, and lanes that meet share what they know, or
//   - t has acquired it: u's access came before a fence, that before an atomic operation on some location, and t, or
//     a thread that t has met since, did an atomic operation on the same location afterwards (release and acquire).
// The last way alone orders accesses of different blocks: "the last block reduces" needs the fence and the ticket.
#pragma once
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "machine.h"
#include "scheduler.h"

namespace cusim {

// What one block made visible by fences: the accesses with stamps below `all`, or below the thread's own number.
struct Published {
    unsigned all = 0;
    std::vector<unsigned> threads;
    bool whole_device = false;

    bool covers(unsigned thread, unsigned stamp) const {
        return stamp < all || (thread < threads.size() && stamp < threads[thread]);
    }
    void merge(const Published& other) {
        all = std::max(all, other.all);
        if (threads.size() < other.threads.size()) threads.resize(other.threads.size());
        for (size i = 0; i < other.threads.size(); ++i) threads[i] = std::max(threads[i], other.threads[i]);
    }
};

// Sets of published accesses by block, immutable and numbered, so that threads share them and unions are cheap. Set 0
// is empty. A block may have published to the whole device and, beyond that, to itself alone.
class Knowledge {
 public:
    typedef std::map<std::pair<unsigned, bool>, std::shared_ptr<const Published>> Set;  // (block, whole device)

    void reset() {
        sets_.resize(1);
        unions_.clear();
    }

    unsigned join(unsigned a, unsigned b) {
        if (a == b || b == 0) return a;
        if (a == 0) return b;
        auto key = std::minmax(a, b);
        auto found = unions_.find(key);
        if (found != unions_.end()) return found->second;
        Set both = sets_[a];
        for (const auto& entry : sets_[b]) {
            std::shared_ptr<const Published>& mine = both[entry.first];
            if (mine == nullptr) {
                mine = entry.second;
            } else if (mine != entry.second) {
                auto merged = std::make_shared<Published>(*mine);
                merged->merge(*entry.second);
                mine = merged;
            }
        }
        return unions_[key] = add(std::move(both));
    }

    unsigned with(unsigned set, unsigned block, bool whole_device, Published published) {
        Set one;
        one[{block, whole_device}] = std::make_shared<const Published>(std::move(published));
        return join(set, add(std::move(one)));
    }

    bool covers(unsigned set, unsigned block, bool same_block, unsigned thread, unsigned stamp) const {
        if (set == 0) return false;
        for (bool whole_device : {true, false}) {
            if (!whole_device && !same_block) break;
            auto found = sets_[set].find({block, whole_device});
            if (found != sets_[set].end() && found->second->covers(thread, stamp)) return true;
        }
        return false;
    }

 private:
    std::vector<Set> sets_ = std::vector<Set>(1);
    std::map<std::pair<unsigned, unsigned>, unsigned> unions_;

    unsigned add(Set set) {
        sets_.push_back(std::move(set));
        return static_cast<unsigned>(sets_.size() - 1);
    }
};

struct Clocks {
    unsigned block = 2;        // number of the running block, counted over all launches; 0: never, 1: the host
    unsigned first_block = 2;  // of this launch
    unsigned event = 1, last_barrier = 1;
    unsigned stamp[max_threads];
    unsigned known[max_threads][warp_size];  // by thread: the last event of each lane of its warp that it knows of
    unsigned last_in_warp[max_warps];        // event
    unsigned acquired[max_threads], published[max_threads];  // sets of knowledge
    bool any_knowledge = false;
    Knowledge knowledge;
    std::unordered_map<address, unsigned> released;  // by location of atomic operations

    void start_launch() {
        first_block = block + 1;
        knowledge.reset();
        released.clear();
    }
    void start_block() {
        ++block;
        event = last_barrier = 1;
        any_knowledge = !released.empty();
        for (unsigned& last : last_in_warp) last = 0;
        for (unsigned t = 0; t < scheduler.launch.threads; ++t) {
            stamp[t] = 1;
            acquired[t] = published[t] = 0;
            for (unsigned& k : known[t]) k = 0;
        }
    }

    // Whether an access of this block is ordered before what the running thread does now.
    bool ordered(unsigned thread, unsigned when) const {
        unsigned me = scheduler.current;
        return thread == me || when < last_barrier ||
               (thread / warp_size == me / warp_size && known[me][thread % warp_size] > when) ||
               (any_knowledge && knowledge.covers(acquired[me], block, true, thread, when));
    }
    bool ordered_across_blocks(unsigned other_block, unsigned thread, unsigned when) const {
        return any_knowledge && knowledge.covers(acquired[scheduler.current], other_block, false, thread, when);
    }
};

inline Clocks clocks;

inline void block_synchronised() {
    Clocks& c = clocks;
    c.last_barrier = ++c.event;
    unsigned acquired = 0, published = 0, threads = scheduler.launch.threads;
    if (c.any_knowledge) {
        for (unsigned t = 0; t < threads; ++t) {
            acquired = c.knowledge.join(acquired, c.acquired[t]);
            published = c.knowledge.join(published, c.published[t]);
        }
    }
    for (unsigned t = 0; t < threads; ++t) {
        c.stamp[t] = c.event;
        c.acquired[t] = acquired;
        c.published[t] = published;
    }
}

inline void warp_synchronised(unsigned warp, unsigned lanes) {
    Clocks& c = clocks;
    c.last_in_warp[warp] = ++c.event;
    unsigned joined[warp_size] = {}, acquired = 0, published = 0;
    for (unsigned rest = lanes; rest != 0; rest &= rest - 1) {
        unsigned lane = static_cast<unsigned>(__builtin_ctz(rest)), t = warp * warp_size + lane;
        for (unsigned i = 0; i < warp_size; ++i) joined[i] = std::max(joined[i], c.known[t][i]);
        joined[lane] = c.event;
        if (c.any_knowledge) {
            acquired = c.knowledge.join(acquired, c.acquired[t]);
            published = c.knowledge.join(published, c.published[t]);
        }
    }
    for (unsigned rest = lanes; rest != 0; rest &= rest - 1) {
        unsigned t = warp * warp_size + static_cast<unsigned>(__builtin_ctz(rest));
        for (unsigned i = 0; i < warp_size; ++i) c.known[t][i] = std::max(c.known[t][i], joined[i]);
        c.stamp[t] = c.event;
        c.acquired[t] = acquired;
        c.published[t] = published;
    }
}

inline void fence(bool whole_device) {
    if (!scheduler.launch.check) return;
    Clocks& c = clocks;
    unsigned me = scheduler.current, warp = me / warp_size;
    c.stamp[me] = ++c.event;
    Published published;
    published.all = c.last_barrier;
    published.threads.resize(scheduler.launch.threads);
    for (unsigned lane = 0; lane < warp_size && warp * warp_size + lane < scheduler.launch.threads; ++lane)
        published.threads[warp * warp_size + lane] = c.known[me][lane];
    published.threads[me] = c.event;
    c.any_knowledge = true;
    c.published[me] = c.knowledge.join(c.published[me],
                                       c.knowledge.with(c.acquired[me], c.block, whole_device, std::move(published)));
}

// An atomic operation releases what the thread has published, and acquires what others released there.
inline void release_and_acquire(address where) {
    Clocks& c = clocks;
    unsigned me = scheduler.current;
    if (c.published[me] == 0 && c.released.empty()) return;
    unsigned& here = c.released[where];
    unsigned before = here;
    here = c.knowledge.join(here, c.published[me]);
    c.acquired[me] = c.knowledge.join(c.acquired[me], before);
    if (here != 0) c.any_knowledge = true;
}

}  // namespace cusim
