// Atomic operations. Threads take turns only at barriers and warp operations, so plain code is atomic here.
#pragma once

#ifdef CUSIM_CHECK
#define CUSIM_ATOMIC_ACCESS(p) cusim::machine->atomic(reinterpret_cast<cusim::address>(p), sizeof *(p), CUSIM_SITE)
#else
#define CUSIM_ATOMIC_ACCESS(p) ((void)0)
#endif

#define CUSIM_ATOMIC(name, type, result)           \
    CUSIM_SERVICE type name(type* p, type value) { \
        CUSIM_ATOMIC_ACCESS(p);                    \
        const type old = *p;                       \
        *p = (result);                             \
        return old;                                \
    }
#define CUSIM_ATOMIC_CAS(type)                                        \
    CUSIM_SERVICE type atomicCAS(type* p, type compare, type value) { \
        CUSIM_ATOMIC_ACCESS(p);                                       \
        const type old = *p;                                          \
        if (old == compare) *p = value;                               \
        return old;                                                   \
    }

CUSIM_ATOMIC(atomicAdd, int, static_cast<int>(static_cast<unsigned>(old) + static_cast<unsigned>(value)))
CUSIM_ATOMIC(atomicAdd, unsigned, old + value)
CUSIM_ATOMIC(atomicAdd, unsigned long long, old + value)
CUSIM_ATOMIC(atomicAdd, float, old + value)
CUSIM_ATOMIC(atomicAdd, double, old + value)
CUSIM_ATOMIC(atomicSub, int, static_cast<int>(static_cast<unsigned>(old) - static_cast<unsigned>(value)))
CUSIM_ATOMIC(atomicSub, unsigned, old - value)
CUSIM_ATOMIC(atomicExch, int, value)
CUSIM_ATOMIC(atomicExch, unsigned, value)
CUSIM_ATOMIC(atomicExch, unsigned long long, value)
CUSIM_ATOMIC(atomicExch, float, value)
CUSIM_ATOMIC(atomicMin, int, value < old ? value : old)
CUSIM_ATOMIC(atomicMin, unsigned, value < old ? value : old)
CUSIM_ATOMIC(atomicMin, long long, value < old ? value : old)
CUSIM_ATOMIC(atomicMin, unsigned long long, value < old ? value : old)
CUSIM_ATOMIC(atomicMax, int, value > old ? value : old)
CUSIM_ATOMIC(atomicMax, unsigned, value > old ? value : old)
CUSIM_ATOMIC(atomicMax, long long, value > old ? value : old)
CUSIM_ATOMIC(atomicMax, unsigned long long, value > old ? value : old)
CUSIM_ATOMIC(atomicInc, unsigned, old >= value ? 0 : old + 1)
CUSIM_ATOMIC(atomicDec, unsigned, old == 0 || old > value ? value : old - 1)
CUSIM_ATOMIC(atomicAnd, int, old& value)
CUSIM_ATOMIC(atomicAnd, unsigned, old& value)
CUSIM_ATOMIC(atomicAnd, unsigned long long, old& value)
CUSIM_ATOMIC(atomicOr, int, old | value)
CUSIM_ATOMIC(atomicOr, unsigned, old | value)
CUSIM_ATOMIC(atomicOr, unsigned long long, old | value)
CUSIM_ATOMIC(atomicXor, int, old ^ value)
CUSIM_ATOMIC(atomicXor, unsigned, old ^ value)
CUSIM_ATOMIC(atomicXor, unsigned long long, old ^ value)
CUSIM_ATOMIC_CAS(int)
CUSIM_ATOMIC_CAS(unsigned)
CUSIM_ATOMIC_CAS(unsigned long long)
CUSIM_ATOMIC_CAS(unsigned short)
