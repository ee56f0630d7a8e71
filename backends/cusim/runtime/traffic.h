// What the warps ask of memory: sectors of global memory, and banks of shared memory, by place in the kernel.
//
// The lanes of a warp run one after another here. So each thread writes down its accesses; when all lanes of the warp
// have come to a barrier or have exited, the n-th accesses at one place are put together: they are one instruction of
// the warp.
#pragma once
#include <algorithm>
#include <unordered_map>
#include <vector>

#include "machine.h"
#include "scheduler.h"

namespace cusim {

struct SiteTraffic {
    const void* place;
    unsigned long long accesses;                // of single threads
    unsigned long long requests;                // of warps to global memory
    unsigned long long sectors, least_sectors;  // of 32 bytes: touched, and needed for the bytes asked for
    unsigned long long bytes_read, bytes_written;
    unsigned long long shared_requests, bank_conflicts;  // of warps to shared memory; cycles beyond the first of each
};

class Traffic {
 public:
    void start_launch() {
        for (unsigned number : touched_) totals_[number] = {};
        touched_.clear();
        for (auto& log : logs_) log.clear();
        logged_ = 0;
    }

    void add(address where, size bytes, Kind kind, unsigned site, bool shared) {
        logs_[scheduler.current].push_back({where, site, static_cast<unsigned>(bytes), kind, shared});
        if (++logged_ > most) flush();  // incomplete warps are cut in two; what they ask for is counted nevertheless
    }

    void flush() {
        for (unsigned w = 0; w < scheduler.launch.warps; ++w) flush_warp(w);
    }

    void flush_warp(unsigned warp) {
        const unsigned first = warp * warp_size, count = std::min(warp_size, scheduler.launch.threads - first);
        size longest = 0;
        for (unsigned l = 0; l < count; ++l) longest = std::max(longest, logs_[first + l].size());
        for (size at = 0; at < longest; ++at) {
            unsigned lanes = 0;
            unsigned site = 0;
            bool same = true;
            for (unsigned l = 0; l < count; ++l) {
                const auto& log = logs_[first + l];
                if (log.size() <= at) continue;
                if (lanes == 0) site = log[at].site;
                same &= log[at].site == site;
                lane_[lanes] = l;
                group_[lanes++] = log[at];
            }
            if (!same) {
                flush_diverged(first, count, at);
                break;
            }
            account(lanes);
        }
        for (unsigned l = 0; l < count; ++l) {
            logged_ -= logs_[first + l].size();
            logs_[first + l].clear();
        }
    }

    // The totals by site, of the sites that the launch has touched.
    const std::vector<SiteTraffic>& results(const void* (*place_of)(unsigned)) {
        results_.clear();
        for (unsigned number : touched_) {
            results_.push_back(totals_[number]);
            results_.back().place = place_of(number);
        }
        return results_;
    }

 private:
    struct Record {
        address where;
        unsigned site, bytes;
        Kind kind;
        bool shared;
    };
    static constexpr size most = 8u << 20;  // records

    std::vector<Record> logs_[max_threads];
    size logged_ = 0;
    std::vector<SiteTraffic> totals_, results_;
    std::vector<unsigned> touched_;
    Record group_[warp_size];   // one instruction: what its lanes ask for
    unsigned lane_[warp_size];  // and which lanes they are

    SiteTraffic& total(unsigned site) {
        if (totals_.size() <= site) totals_.resize(site + 1);
        SiteTraffic& t = totals_[site];
        if (t.accesses == 0) touched_.push_back(site);
        return t;
    }

    // From `at` on the lanes went different ways: the n-th access of a lane at a place goes with the others' n-th.
    void flush_diverged(unsigned first, unsigned count, size at) {
        struct Entry {
            unsigned long long key;  // site and occurrence
            unsigned lane;
            Record record;
        };
        std::vector<Entry> entries;
        std::unordered_map<unsigned, unsigned> seen;
        for (unsigned l = 0; l < count; ++l) {
            seen.clear();
            const auto& log = logs_[first + l];
            for (size i = at; i < log.size(); ++i)
                entries.push_back(
                    {static_cast<unsigned long long>(log[i].site) << 32 | seen[log[i].site]++, l, log[i]});
        }
        std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.key < b.key; });
        for (size i = 0; i < entries.size();) {
            unsigned lanes = 0;
            const unsigned long long key = entries[i].key;
            for (; i < entries.size() && entries[i].key == key; ++i) {
                lane_[lanes] = entries[i].lane;
                group_[lanes++] = entries[i].record;
            }
            account(lanes);
        }
    }

    void account(unsigned lanes) {
        SiteTraffic& t = total(group_[0].site);
        t.accesses += lanes;
        if (group_[0].shared) {
            account_shared(t, lanes);
        } else {
            account_global(t, lanes);
        }
    }

    // Of the first and the last sector only the bytes asked for count, as their other bytes are mostly asked for by the
    // neighbouring warp; a sector in between counts as a whole.
    void account_global(SiteTraffic& t, unsigned lanes) {
        ++t.requests;
        unsigned long long& moved_in_all = group_[0].kind == reading ? t.bytes_read : t.bytes_written;
        unsigned next = 1;
        while (next < lanes && group_[next].where == group_[next - 1].where + group_[next - 1].bytes) ++next;
        if (next == lanes) {  // contiguous, as most are
            const address low = group_[0].where, high = group_[lanes - 1].where + group_[lanes - 1].bytes;
            t.sectors += (high - 1) / 32 - low / 32 + 1;
            t.least_sectors += (high - low + 31) / 32;
            moved_in_all += high - low;
            return;
        }
        struct Interval {
            address low, high;
        } parts[warp_size];
        for (unsigned i = 0; i < lanes; ++i) parts[i] = {group_[i].where, group_[i].where + group_[i].bytes};
        auto before = [](const Interval& a, const Interval& b) { return a.low < b.low; };
        if (!std::is_sorted(parts, parts + lanes, before)) std::sort(parts, parts + lanes, before);
        unsigned long long asked = 0, sectors = 0, in_sector = 0, moved = 0;
        address sector = ~address(0), end = 0;  // the present sector, and how far the bytes were counted
        for (unsigned i = 0; i < lanes; ++i) {
            address low = std::max(parts[i].low, end);
            while (low < parts[i].high) {
                const address upto = std::min(parts[i].high, (low | 31) + 1);
                if (low / 32 != sector) {
                    moved += sectors > 1 ? 32 : in_sector;  // of the one just left
                    sector = low / 32;
                    in_sector = 0;
                    ++sectors;
                }
                in_sector += upto - low;
                asked += upto - low;
                low = upto;
            }
            end = std::max(end, parts[i].high);
        }
        moved += in_sector;
        t.sectors += sectors;
        t.least_sectors += (asked + 31) / 32;
        moved_in_all += moved;
    }

    // 32 banks of 4 bytes. 8-byte accesses are served by half warps, 16-byte accesses by quarters; lanes that ask for
    // the same word share it.
    void account_shared(SiteTraffic& t, unsigned lanes) {
        ++t.shared_requests;
        const unsigned bytes = group_[0].bytes;
        const unsigned per_phase = bytes <= 4 ? warp_size : bytes <= 8 ? warp_size / 2 : warp_size / 4;
        for (unsigned i = 0; i < lanes;) {
            address first[32] = {}, others[4 * warp_size];  // of each bank the first word, and all further ones
            unsigned count = 0;
            const unsigned phase = lane_[i] / per_phase;
            for (; i < lanes && lane_[i] / per_phase == phase; ++i)
                for (address word = group_[i].where / 4; word <= (group_[i].where + group_[i].bytes - 1) / 4; ++word) {
                    address& known = first[word % 32];
                    if (known == 0) known = word;
                    if (known != word && count < 4 * warp_size) others[count++] = word;
                }
            if (count == 0) continue;
            std::sort(others, others + count);
            count = static_cast<unsigned>(std::unique(others, others + count) - others);
            unsigned in_bank[32] = {}, worst = 0;
            for (unsigned k = 0; k < count; ++k) worst = std::max(worst, ++in_bank[others[k] % 32]);
            t.bank_conflicts += worst;
        }
    }
};

inline Traffic traffic;

}  // namespace cusim
