// Shadow memory: who last read and wrote each piece of a buffer.
//
// A cell stands for 4 bytes as long as all accesses are of 4 aligned bytes or more; the first smaller access splits the
// cells. Blocks are numbered over all launches, so that cells of earlier launches need not be cleared.
#pragma once
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>

#include "machine.h"

namespace cusim {

struct Cell {
    unsigned write_block, write_stamp, write_site;
    unsigned read_block, read_stamp, read_lanes, read_site;
    unsigned short writer;     // thread; with the bit `atomic`
    unsigned short read_warp;  // with the bits `several_warps`, `several_blocks`

    static constexpr unsigned short atomic = 0x8000, several_warps = 0x8000, several_blocks = 0x4000, number = 0x0fff;
};
static_assert(sizeof(Cell) == 32, "two cells a cache line");

struct Shadow {
    size bytes = 0;
    unsigned granule = 4;  // bytes that a cell stands for
    Cell* cells = nullptr;

    Shadow() {
        std::lock_guard<std::mutex> hold(lock());
        all().insert(this);
    }
    Shadow(const Shadow&) = delete;
    Shadow& operator=(const Shadow&) = delete;
    ~Shadow() {
        std::lock_guard<std::mutex> hold(lock());
        all().erase(this);
        free(cells);
    }

    // The numbers of blocks begin anew: what was written stays written, all else is forgotten.
    static void renumber() {
        std::lock_guard<std::mutex> hold(lock());
        for (Shadow* shadow : all())
            for (size i = 0; shadow->cells != nullptr && i < (shadow->bytes + shadow->granule - 1) / shadow->granule;
                 ++i) {
                const unsigned written = shadow->cells[i].write_block != 0;
                shadow->cells[i] = {};
                shadow->cells[i].write_block = written;
            }
    }

    bool allocate(size wanted) {
        free(cells);
        bytes = wanted;
        granule = 4;
        cells = static_cast<Cell*>(calloc((bytes + 3) / 4 + 1, sizeof(Cell)));
        return cells != nullptr;
    }

    bool fits(size offset, size length) const { return ((offset | length) & (granule - 1)) == 0; }

    // Cells small enough for such an access; each new one knows what the old one knew.
    void split(size offset, size length) {
        unsigned finer = granule;
        while ((offset | length) & (finer - 1)) finer /= 2;
        const size count = (bytes + granule - 1) / granule, times = granule / finer;
        Cell* cut = static_cast<Cell*>(malloc(sizeof(Cell) * (count + 1) * times));
        for (size i = 0; i < count; ++i)
            for (size j = 0; j < times; ++j) cut[i * times + j] = cells[i];
        free(cells);
        cells = cut;
        granule = finer;
    }

    void mark_written(size offset, size length, unsigned block) {
        if (!fits(offset, length)) split(offset, length);
        for (size i = offset / granule; i < (offset + length) / granule; ++i)
            if (cells[i].write_block == 0) cells[i].write_block = block;
    }

 private:
    // Never destroyed: shadows in other static objects outlive whatever is made after these.
    static std::set<Shadow*>& all() {
        static auto& shadows = *new std::set<Shadow*>;
        return shadows;
    }
    static std::mutex& lock() {
        static auto& mutex = *new std::mutex;
        return mutex;
    }
};

}  // namespace cusim
