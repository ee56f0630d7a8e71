// Operations that the lanes of a warp do together.
#pragma once

namespace cusim {
enum Operation : unsigned { syncwarp = 0, shuffle, ballot, match, reduce };

template <class T>
CUSIM_SERVICE T lane_value(const Exchange* exchange, unsigned lane) {
    T value;
    CUSIM_MEMCPY(&value, exchange->values[lane], sizeof value);
    return value;
}

// The value of lane `source`. A lane that has no source in its group of `width` lanes keeps its own.
template <class T>
CUSIM_SERVICE T from_lane(const char* name, unsigned mask, T value, int source, const void* site) {
    const Exchange* exchange = machine->exchange(mask, &value, sizeof value, shuffle, site);
    const unsigned lane = static_cast<unsigned>(source);
    if (exchange->arrived >> lane & 1) return lane_value<T>(exchange, lane);
    machine->absent_lane(exchange, lane, name, site);
    const unsigned long long nobody = ~0ull;  // NaN, or -1
    CUSIM_MEMCPY(&value, &nobody, sizeof value);
    return value;
}

// bit i: the lanes whose predicate was true
CUSIM_SERVICE unsigned lanes_where(unsigned mask, int predicate, const void* site) {
    const int yes = predicate != 0;
    const Exchange* exchange = machine->exchange(mask, &yes, sizeof yes, ballot, site);
    unsigned lanes = 0;
    for (unsigned rest = exchange->arrived; rest != 0; rest &= rest - 1) {
        const unsigned lane = static_cast<unsigned>(__builtin_ctz(rest));
        if (lane_value<int>(exchange, lane)) lanes |= 1u << lane;
    }
    return lanes;
}

template <class T>
CUSIM_SERVICE unsigned lanes_equal(unsigned mask, T value, const Exchange** result, const void* site) {
    const Exchange* exchange = machine->exchange(mask, &value, sizeof value, match, site);
    unsigned lanes = 0;
    for (unsigned rest = exchange->arrived; rest != 0; rest &= rest - 1) {
        const unsigned lane = static_cast<unsigned>(__builtin_ctz(rest));
        if (lane_value<T>(exchange, lane) == value) lanes |= 1u << lane;
    }
    *result = exchange;
    return lanes;
}
}  // namespace cusim

CUSIM_SERVICE void __syncwarp(unsigned mask = 0xffffffffu) {
    cusim::machine->exchange(mask, nullptr, 0, cusim::syncwarp, CUSIM_SITE);
}

#define CUSIM_SHUFFLES(type)                                                                                 \
    CUSIM_SERVICE type __shfl_sync(unsigned mask, type value, int source, int width = 32) {                  \
        const int lane = static_cast<int>(cusim::lane_index()), base = lane & ~(width - 1);                  \
        return cusim::from_lane("__shfl_sync", mask, value, base | (source & (width - 1)), CUSIM_SITE);      \
    }                                                                                                        \
    CUSIM_SERVICE type __shfl_up_sync(unsigned mask, type value, unsigned delta, int width = 32) {           \
        const int lane = static_cast<int>(cusim::lane_index()), base = lane & ~(width - 1);                  \
        const int source = lane - static_cast<int>(delta);                                                   \
        return cusim::from_lane("__shfl_up_sync", mask, value, source < base ? lane : source, CUSIM_SITE);   \
    }                                                                                                        \
    CUSIM_SERVICE type __shfl_down_sync(unsigned mask, type value, unsigned delta, int width = 32) {         \
        const int lane = static_cast<int>(cusim::lane_index()), last = lane | (width - 1);                   \
        const int source = lane + static_cast<int>(delta);                                                   \
        return cusim::from_lane("__shfl_down_sync", mask, value, source > last ? lane : source, CUSIM_SITE); \
    }                                                                                                        \
    CUSIM_SERVICE type __shfl_xor_sync(unsigned mask, type value, int lane_mask, int width = 32) {           \
        const int lane = static_cast<int>(cusim::lane_index()), last = lane | (width - 1);                   \
        const int source = lane ^ lane_mask;                                                                 \
        return cusim::from_lane("__shfl_xor_sync", mask, value, source > last ? lane : source, CUSIM_SITE);  \
    }
CUSIM_SHUFFLES(int)
CUSIM_SHUFFLES(unsigned)
CUSIM_SHUFFLES(long)
CUSIM_SHUFFLES(unsigned long)
CUSIM_SHUFFLES(long long)
CUSIM_SHUFFLES(unsigned long long)
CUSIM_SHUFFLES(float)
CUSIM_SHUFFLES(double)

CUSIM_SERVICE unsigned __ballot_sync(unsigned mask, int predicate) {
    return cusim::lanes_where(mask, predicate, CUSIM_SITE);
}
CUSIM_SERVICE int __any_sync(unsigned mask, int predicate) {
    return cusim::lanes_where(mask, predicate, CUSIM_SITE) != 0;
}
CUSIM_SERVICE int __all_sync(unsigned mask, int predicate) {
    return cusim::lanes_where(mask, predicate == 0, CUSIM_SITE) == 0;
}
// Any set of lanes that holds the caller would be right; code that counts on more is wrong on the device, too.
CUSIM_SERVICE unsigned __activemask() { return 1u << cusim::lane_index(); }

#define CUSIM_MATCHES(type)                                                            \
    CUSIM_SERVICE unsigned __match_any_sync(unsigned mask, type value) {               \
        const cusim::Exchange* exchange;                                               \
        return cusim::lanes_equal(mask, value, &exchange, CUSIM_SITE);                 \
    }                                                                                  \
    CUSIM_SERVICE unsigned __match_all_sync(unsigned mask, type value, int* all) {     \
        const cusim::Exchange* exchange;                                               \
        const unsigned lanes = cusim::lanes_equal(mask, value, &exchange, CUSIM_SITE); \
        *all = lanes == exchange->arrived;                                             \
        return *all ? lanes : 0;                                                       \
    }
CUSIM_MATCHES(int)
CUSIM_MATCHES(unsigned)
CUSIM_MATCHES(long long)
CUSIM_MATCHES(unsigned long long)
CUSIM_MATCHES(float)
CUSIM_MATCHES(double)

#define CUSIM_REDUCTION(name, type, result)                                                               \
    CUSIM_SERVICE type name(unsigned mask, type value) {                                                  \
        const cusim::Exchange* exchange =                                                                 \
            cusim::machine->exchange(mask, &value, sizeof value, cusim::reduce, CUSIM_SITE);              \
        unsigned rest = exchange->arrived;                                                                \
        type a = cusim::lane_value<type>(exchange, static_cast<unsigned>(__builtin_ctz(rest)));           \
        for (rest &= rest - 1; rest != 0; rest &= rest - 1) {                                             \
            const type b = cusim::lane_value<type>(exchange, static_cast<unsigned>(__builtin_ctz(rest))); \
            a = (result);                                                                                 \
        }                                                                                                 \
        return a;                                                                                         \
    }
CUSIM_REDUCTION(__reduce_add_sync, unsigned, a + b)
CUSIM_REDUCTION(__reduce_min_sync, unsigned, b < a ? b : a)
CUSIM_REDUCTION(__reduce_max_sync, unsigned, b > a ? b : a)
CUSIM_REDUCTION(__reduce_add_sync, int, static_cast<int>(static_cast<unsigned>(a) + static_cast<unsigned>(b)))
CUSIM_REDUCTION(__reduce_min_sync, int, b < a ? b : a)
CUSIM_REDUCTION(__reduce_max_sync, int, b > a ? b : a)
CUSIM_REDUCTION(__reduce_and_sync, unsigned, a& b)
CUSIM_REDUCTION(__reduce_or_sync, unsigned, a | b)
CUSIM_REDUCTION(__reduce_xor_sync, unsigned, a ^ b)
