// Every access of a kernel to memory, in check mode: is it within a buffer, aligned, initialised, and free of races?
#pragma once
#include <algorithm>
#include <deque>

#include "happens_before.h"
#include "modules.h"
#include "scheduler.h"
#include "traffic.h"

namespace cusim {

Index block_index(unsigned number);  // of a block of this launch

enum class Space : unsigned char { global, shared, variables };

struct Region {
    address low, high;
    const char* name;
    Shadow* shadow;
    Space space;
    bool read_only;                 // only pointers to const lead here
    address outer_low, outer_high;  // with the unused bytes around a shared array

    bool contains(address where) const { return where - low < high - low; }
};

class Memory {
 public:
    bool must_be_initialised = false;  // also global memory
    unsigned long long accesses = 0, unique_read = 0, unique_written = 0;

    void start_launch(Module* module, const Region* buffers, size count) {
        module_ = module;
        buffers_.assign(buffers, buffers + count);
        std::sort(buffers_.begin(), buffers_.end(), [](const Region& a, const Region& b) { return a.low < b.low; });
        accesses = unique_read = unique_written = 0;
        ++launch_;
    }

    void set_dynamic_shared(char* where, size bytes) {
        const address low = reinterpret_cast<address>(where);
        if (dynamic_ == nullptr) dynamic_ = add_shared("dynamic shared memory", low, bytes);
        *dynamic_ = {low,           low + bytes, "dynamic shared memory", dynamic_->shadow,
                     Space::shared, false,       low - shared_guard,      low + max_shared + shared_guard};
        if (dynamic_->shadow->bytes < bytes) dynamic_->shadow->allocate(max_shared);
    }

    void add_shared_array(const char* name, void* where, size bytes, size before, size after) {
        const address low = reinterpret_cast<address>(where);
        Region* region = add_shared(name, low, bytes);
        region->outer_low = low - before;
        region->outer_high = low + bytes + after;
    }

    void access(address where, size bytes, Kind kind, const void* place) {
        ++accesses;
        const unsigned number = site_number(*module_, place);
        Region* region = find(where, number);
        if (region == nullptr || where + bytes > region->high) outside(where, bytes, kind, place);
        if (region->read_only && kind != reading)
            fail_at(where, "write to const", place, "%zu-byte %s of %p, %s + %zu bytes, which is const%s", bytes,
                    verb(kind), reinterpret_cast<void*>(where), name(*region), where - region->low,
                    region->space == Space::global ? ": the kernel takes only pointers to const there" : "");
        check(*region, where - region->low, bytes, kind, number, place);
        if (region->space != Space::variables) traffic.add(where, bytes, kind, number, region->space == Space::shared);
    }

    [[noreturn]] void misaligned(address where, const char* type, size alignment, const void* place) {
        const Region* region = find(where, 0);
        fail_at(where, "misaligned", place,
                "misaligned address %p for %s, which needs %zu-byte alignment: %s + %zu bytes",
                reinterpret_cast<void*>(where), type, alignment, region == nullptr ? "no buffer" : name(*region),
                region == nullptr ? 0 : where - region->low);
    }

    bool is_buffer(address where) {
        for (const Region& region : buffers_)
            if (region.contains(where)) return true;
        return false;
    }

    static const char* verb(Kind kind) {
        return kind == reading ? "read" : kind == writing ? "write" : "atomic operation";
    }

 private:
    Module* module_ = nullptr;
    unsigned launch_ = 0;
    std::vector<Region> buffers_;  // by address
    std::deque<Region> shared_;
    std::deque<Shadow> shared_shadows_;
    Region* dynamic_ = nullptr;
    Region variables_{};

    Region* add_shared(const char* name, address low, size bytes) {
        for (Region& known : shared_)
            if (known.low == low) return &known;  // the same module, attached once more
        shared_shadows_.emplace_back();
        shared_shadows_.back().allocate(bytes);
        shared_.push_back({low, low + bytes, name, &shared_shadows_.back(), Space::shared, false, low, low + bytes});
        return &shared_.back();
    }

    Region* find(address where, unsigned number) {
        Site& site = sites[number];
        if (site.launch == launch_ && site.region->contains(where)) return site.region;
        Region* region = search(where);
        if (region != nullptr && region->space != Space::variables) site.region = region, site.launch = launch_;
        return region;
    }

    __attribute__((noinline)) Region* search(address where) {
        if (module_->contains(where)) {
            for (Region& array : shared_) {
                if (array.contains(where)) return &array;
                if (where - array.outer_low < array.outer_high - array.outer_low) return nullptr;
            }
            return variable(where);
        }
        auto after = std::upper_bound(buffers_.begin(), buffers_.end(), where,
                                      [](address a, const Region& r) { return a < r.low; });
        if (after == buffers_.begin() || !(--after)->contains(where)) return nullptr;
        return &*after;
    }

    // __device__ and __constant__ variables.
    Region* variable(address where) {
        Module& m = *module_;
        const bool constant = where - reinterpret_cast<address>(m.info->constants) <
                              static_cast<address>(m.info->constants_end - m.info->constants);
        if (constant || where - m.data_low >= m.data_high - m.data_low) {
            variables_ = {
                m.low, m.high, constant ? "__constant__ memory" : "constants", nullptr, Space::variables, true,
                m.low, m.high};
        } else {
            if (m.data_shadow.cells == nullptr) m.data_shadow.allocate(m.data_high - m.data_low);
            variables_ = {m.data_low, m.data_high, "__device__ variables", &m.data_shadow, Space::variables, false,
                          m.low,      m.high};
        }
        return &variables_;
    }

    // For messages: which buffer or array.
    static const char* name(const Region& region) {
        static char text[160];
        if (region.space == Space::variables) return region.name;
        if (region.name[0] == 0) return "a buffer that is no argument";
        snprintf(text, sizeof text, "%s'%s'", region.space == Space::shared ? "__shared__ " : "", region.name);
        return text;
    }

    template <class... Values>
    [[noreturn]] static void fail_at(address where, const char* kind, const void* place, const char* format,
                                     Values... values) {
        note_failure(kind, place, format, values...);
        failure.accessed = reinterpret_cast<const void*>(where);
        scheduler.give_up();
    }

    [[noreturn]] void outside(address where, size bytes, Kind kind, const void* place) {
        const Region* nearest = nullptr;
        address distance = ~address(0);
        auto look = [&](const Region& region) {
            const address away = where >= region.high ? where - region.high
                                 : where < region.low ? region.low - where
                                                      : 0;
            if (away < distance) distance = away, nearest = &region;
        };
        if (module_->contains(where))
            for (const Region& region : shared_) look(region);
        else
            for (const Region& region : buffers_) look(region);
        const void* pointer = reinterpret_cast<void*>(where);
        if (where < 4096)
            fail_at(where, "null pointer", place, "%zu-byte %s through a null pointer (%p)", bytes, verb(kind),
                    pointer);
        if (scheduler.fibers.contains(where))
            fail_at(where, "not device memory", place, "%zu-byte %s of %p, on the stack of another thread", bytes,
                    verb(kind), pointer);
        if (nearest == nullptr || distance > std::max<address>(4096, nearest->high - nearest->low))
            fail_at(where, "not device memory", place, "%zu-byte %s of %p, which is not, or no longer, device memory",
                    bytes, verb(kind), pointer);
        const bool before = where < nearest->low;
        fail_at(where, "out of bounds", place, "%zu-byte %s of %p, out of bounds: %zu bytes %s %s, which has %zu bytes",
                bytes, verb(kind), pointer, before ? nearest->low - where : where - nearest->low,
                before ? "before" : "from the start of", name(*nearest), nearest->high - nearest->low);
    }

    void check(Region& region, size offset, size bytes, Kind kind, unsigned number, const void* place) {
        Shadow* shadow = region.shadow;
        if (shadow == nullptr) return;
        if (!shadow->fits(offset, bytes)) shadow->split(offset, bytes);
        const unsigned granule = shadow->granule, me = scheduler.current;
        const size end = (offset + bytes) / granule;
        const Clocks& c = clocks;
        for (size i = offset / granule; i < end; ++i) {
            Cell& cell = shadow->cells[i];
            if (cell.write_block >= c.first_block) check_writer(region, cell, i * granule, kind, place);
            if (kind == reading) {
                if (cell.write_block != c.block) uninitialised(region, cell, i * granule, place);
                if (region.space == Space::global && cell.read_block < c.first_block) unique_read += granule;
                record_reader(cell, number);
            } else {
                if (cell.read_block >= c.first_block) check_readers(region, cell, i * granule, kind, place);
                if (kind == atomically && cell.write_block != c.block) uninitialised(region, cell, i * granule, place);
                if (region.space == Space::global && cell.write_block < c.first_block) unique_written += granule;
                cell.write_block = c.block;
                cell.write_stamp = c.stamp[me];
                cell.write_site = number;
                cell.writer = static_cast<unsigned short>(me | (kind == atomically ? Cell::atomic : 0));
            }
        }
    }

    void uninitialised(const Region& region, const Cell& cell, size offset, const void* place) {
        const address where = region.low + offset;
        if (region.space == Space::shared)
            fail_at(where, "uninitialised", place,
                    "read of %p, %s + %zu bytes, which this block has not written yet (is a barrier missing?)",
                    reinterpret_cast<void*>(where), name(region), offset);
        if (must_be_initialised && region.space == Space::global && cell.write_block == 0)
            fail_at(where, "uninitialised", place, "read of %p, %s + %zu bytes, which nobody has written",
                    reinterpret_cast<void*>(where), name(region), offset);
    }

    void check_writer(const Region& region, const Cell& cell, size offset, Kind kind, const void* place) {
        const unsigned writer = cell.writer & Cell::number;
        const bool atomic = cell.writer & Cell::atomic;
        if (atomic && kind == atomically) return;
        if (cell.write_block == clocks.block) {
            if (!clocks.ordered(writer, cell.write_stamp))
                race(region, offset, kind, place, atomic ? "an atomic operation" : "a write", cell.write_block, writer,
                     cell.write_site);
        } else if (region.space != Space::shared &&
                   !clocks.ordered_across_blocks(cell.write_block, writer, cell.write_stamp)) {
            race(region, offset, kind, place, atomic ? "an atomic operation" : "a write", cell.write_block, writer,
                 cell.write_site);
        }
    }

    void check_readers(const Region& region, const Cell& cell, size offset, Kind kind, const void* place) {
        const Clocks& c = clocks;
        const unsigned warp = cell.read_warp & Cell::number, me = scheduler.current;
        if (cell.read_block == c.block) {
            if (cell.read_stamp >= c.last_barrier) {
                if (cell.read_warp & Cell::several_warps && warp == me / warp_size && !c.any_knowledge)
                    fail_at(region.low + offset, "race", place,
                            "data race within a block on %p, %s + %zu bytes: %s here, and threads of several warps "
                            "read it, with no "
                            "barrier between",
                            reinterpret_cast<void*>(region.low + offset), name(region), offset, verb(kind));
                for (unsigned rest = cell.read_lanes; rest != 0; rest &= rest - 1) {
                    const unsigned reader = warp * warp_size + static_cast<unsigned>(__builtin_ctz(rest));
                    if (reader != me && !c.ordered(reader, cell.read_stamp))
                        race(region, offset, kind, place, "a read", cell.read_block, reader, cell.read_site);
                }
            }
            if (cell.read_warp & Cell::several_blocks && region.space != Space::shared && !c.any_knowledge)
                fail_at(region.low + offset, "race", place,
                        "data race between blocks on %p, %s + %zu bytes: %s here, and other blocks read it",
                        reinterpret_cast<void*>(region.low + offset), name(region), offset, verb(kind));
        } else if (region.space != Space::shared) {
            for (unsigned rest = cell.read_lanes; rest != 0; rest &= rest - 1) {
                const unsigned reader = warp * warp_size + static_cast<unsigned>(__builtin_ctz(rest));
                if (!c.ordered_across_blocks(cell.read_block, reader, cell.read_stamp))
                    race(region, offset, kind, place, "a read", cell.read_block, reader, cell.read_site);
            }
        }
    }

    // Readers since the last barrier, as far as they are not ordered before this one: the lanes of one warp, or a mark
    // that there are several warps, with which no writer can be ordered before the next barrier.
    void record_reader(Cell& cell, unsigned number) {
        const Clocks& c = clocks;
        const unsigned me = scheduler.current, warp = me / warp_size, lane = me % warp_size;
        unsigned lanes = 0, stamp = c.stamp[me];
        unsigned short marks = 0;
        if (cell.read_block == c.block) {
            marks = cell.read_warp & Cell::several_blocks;
            if (cell.read_stamp >= c.last_barrier) {
                marks |= cell.read_warp & Cell::several_warps;
                if ((cell.read_warp & Cell::number) != warp) {
                    marks |= Cell::several_warps;
                } else if (c.last_in_warp[warp] <= cell.read_stamp) {
                    lanes = cell.read_lanes;  // the warp has not met since
                } else {
                    for (unsigned rest = cell.read_lanes; rest != 0; rest &= rest - 1) {
                        const unsigned other = static_cast<unsigned>(__builtin_ctz(rest));
                        if (other != lane && c.known[me][other] <= cell.read_stamp) lanes |= 1u << other;
                    }
                }
                if (lanes != 0) stamp = std::max(stamp, cell.read_stamp);
            }
        } else if (cell.read_block >= c.first_block) {
            marks = Cell::several_blocks;
        }
        cell.read_block = c.block;
        cell.read_stamp = stamp;
        cell.read_lanes = lanes | 1u << lane;
        cell.read_warp = static_cast<unsigned short>(warp | marks);
        cell.read_site = number;
    }

    [[noreturn]] void race(const Region& region, size offset, Kind kind, const void* place, const char* what,
                           unsigned block, unsigned thread, unsigned number) {
        const bool same_block = block == clocks.block;
        const Index& other = scheduler.threads[thread].index;
        char where[64] = "";
        if (!same_block) {
            const Index there = block_index(block);
            snprintf(where, sizeof where, "block (%u, %u, %u) ", there.x, there.y, there.z);
        }
        fail_at(region.low + offset, "race", place,
                "data race %s on %p, %s + %zu bytes: %s here, and %s by %sthread (%u, %u, %u) at " CUSIM_PLACE "%s",
                same_block ? "within a block" : "between blocks", reinterpret_cast<void*>(region.low + offset),
                name(region), offset, verb(kind), what, where, other.x, other.y, other.z, sites[number].place,
                same_block ? ", with no barrier between" : ", with no fence and atomic operation between");
    }
};

inline Memory memory;

inline void shared_array(const char* name, void* where, size bytes, size before, size after) {
    memory.add_shared_array(name, where, bytes, before, after);
}

void out_of_steps(const void* site);

inline void access_memory(address where, size bytes, Kind kind, const void* site) {
    if (--machine.steps_left < 0) out_of_steps(site);
    memory.access(where, bytes, kind, site);
}

inline void access_atomically(address where, size bytes, const void* site) {
    if (--machine.steps_left < 0) out_of_steps(site);
    if (where % bytes != 0) memory.misaligned(where, "an atomic operation", bytes, site);
    memory.access(where, bytes, atomically, site);
    release_and_acquire(where);
}

inline void misaligned(const void* where, const char* type, size alignment, const void* site) {
    memory.misaligned(reinterpret_cast<address>(where), type, alignment, site);
}

inline bool is_global(const void* pointer) {
    return !scheduler.launch.check || memory.is_buffer(reinterpret_cast<address>(pointer));
}

}  // namespace cusim
