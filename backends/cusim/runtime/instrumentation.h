// Check mode: the compiler calls these at every access to memory (-fsanitize=thread), at arithmetic and indexing that
// went wrong (-fsanitize=...), and in every basic block (-fsanitize-coverage=trace-pc). No sanitizer library is linked.
#pragma once

#define CUSIM_CALLBACK extern "C" __attribute__((visibility("hidden"), noinline, used)) CUSIM_UNCHECKED void

// The thread's own stack belongs to it alone, and indices into its arrays are checked where they are used.
#define CUSIM_ACCESSED(p, bytes, kind)                                \
    const cusim::address where = reinterpret_cast<cusim::address>(p); \
    if (where - cusim::machine->stack >= cusim::stack_size)           \
    cusim::machine->access(where, bytes, kind, __builtin_return_address(0))

// `unaligned` is for types that need less alignment than their size, such as structs of bytes.
#define CUSIM_CALLBACK_PAIR(bytes, operation, kind)                                                       \
    CUSIM_CALLBACK __tsan_##operation##bytes(void* p) {                                                   \
        const bool aligned = reinterpret_cast<cusim::address>(p) % bytes == 0;                            \
        if (!aligned) cusim::machine->misaligned(p, "a " #operation, bytes, __builtin_return_address(0)); \
        CUSIM_ACCESSED(p, bytes, kind);                                                                   \
    }                                                                                                     \
    CUSIM_CALLBACK __tsan_unaligned_##operation##bytes(void* p) { CUSIM_ACCESSED(p, bytes, kind); }
#define CUSIM_CALLBACKS(bytes)                       \
    CUSIM_CALLBACK_PAIR(bytes, read, cusim::reading) \
    CUSIM_CALLBACK_PAIR(bytes, write, cusim::writing)
CUSIM_CALLBACKS(1)
CUSIM_CALLBACKS(2)
CUSIM_CALLBACKS(4)
CUSIM_CALLBACKS(8)
CUSIM_CALLBACKS(16)
CUSIM_CALLBACK __tsan_read_range(void* p, cusim::size bytes) { CUSIM_ACCESSED(p, bytes, cusim::reading); }
CUSIM_CALLBACK __tsan_write_range(void* p, cusim::size bytes) { CUSIM_ACCESSED(p, bytes, cusim::writing); }
CUSIM_CALLBACK __tsan_func_entry(void*) {}
CUSIM_CALLBACK __tsan_func_exit() {}
CUSIM_CALLBACK __tsan_init() {}
CUSIM_CALLBACK __tsan_vptr_update(void*, void*) {}
CUSIM_CALLBACK __tsan_vptr_read(void*) {}
// Clang leaves copies of structs to memcpy and its kin, some versions under names of their own.
#if defined(__clang__)
#define CUSIM_MEMORY extern "C" __attribute__((visibility("hidden"), noinline, used)) CUSIM_UNCHECKED void*
#define CUSIM_COPY(name)                                                           \
    CUSIM_MEMORY name(void* to, const void* from, cusim::size bytes) {             \
        cusim::accessed(from, bytes, cusim::reading, __builtin_return_address(0)); \
        cusim::accessed(to, bytes, cusim::writing, __builtin_return_address(0));   \
        return cusim::copy_unchecked(to, from, bytes);                             \
    }
#define CUSIM_SET(name)                                                          \
    CUSIM_MEMORY name(void* to, int value, cusim::size bytes) {                  \
        cusim::accessed(to, bytes, cusim::writing, __builtin_return_address(0)); \
        return cusim::set_unchecked(to, value, bytes);                           \
    }
#pragma push_macro("memcpy")
#pragma push_macro("memset")
#undef memcpy
#undef memset
CUSIM_COPY(memcpy)
CUSIM_COPY(memmove)
CUSIM_COPY(__tsan_memcpy)
CUSIM_COPY(__tsan_memmove)
CUSIM_SET(memset)
CUSIM_SET(__tsan_memset)
#pragma pop_macro("memcpy")
#pragma pop_macro("memset")
#endif

CUSIM_CALLBACK __sanitizer_cov_trace_pc() {
    if (--cusim::machine->steps_left < 0) cusim::machine->out_of_steps(__builtin_return_address(0));
}

// --- arithmetic ---------------------------------------------------------------------------------------------------
// The compiler passes a record that describes the place and the types; its layout is that of libubsan's interface.

namespace cusim {
struct Place {
    const char* file;
    unsigned line, column;
};
struct TypeName {
    unsigned short kind, information;
    char name[1];
};

// An operand of at most 64 bits, as text.
struct Operand {
    char text[32];
    CUSIM_UNCHECKED Operand(const TypeName* type, address value) {
        const bool is_signed = type->kind == 0 && type->information & 1;
        char* at = text + sizeof text - 1;
        *at = 0;
        const unsigned bits = 1u << (type->information >> 1);
        long long number = static_cast<long long>(value);
        if (is_signed && bits < 64)
            number = static_cast<long long>(static_cast<unsigned long long>(number) << (64 - bits)) >> (64 - bits);
        const bool negative = is_signed && number < 0;
        unsigned long long rest =
            negative ? -static_cast<unsigned long long>(number) : static_cast<unsigned long long>(number);
        do *--at = static_cast<char>('0' + rest % 10);
        while ((rest /= 10) != 0);
        if (negative) *--at = '-';
        begin = at;
    }
    const char* begin;
};

struct Arithmetic {
    Place place;
    const TypeName *type, *other;
};
struct Misalignment {
    Place place;
    const TypeName* type;
    unsigned char alignment, kind;
};
}  // namespace cusim

#define CUSIM_ARITHMETIC(handler, symbol)                                                                      \
    CUSIM_CALLBACK __ubsan_handle_##handler(cusim::Arithmetic* a, cusim::address left, cusim::address right) { \
        cusim::machine->fail("integer overflow", __builtin_return_address(0),                                  \
                             "integer overflow: %s " symbol " %s as %s", cusim::Operand(a->type, left).begin,  \
                             cusim::Operand(a->type, right).begin, a->type->name);                             \
    }
CUSIM_ARITHMETIC(add_overflow, "+")
CUSIM_ARITHMETIC(sub_overflow, "-")
CUSIM_ARITHMETIC(mul_overflow, "*")
CUSIM_CALLBACK __ubsan_handle_negate_overflow(cusim::Arithmetic* a, cusim::address value) {
    cusim::machine->fail("integer overflow", __builtin_return_address(0), "integer overflow: -(%s) as %s",
                         cusim::Operand(a->type, value).begin, a->type->name);
}
CUSIM_CALLBACK __ubsan_handle_divrem_overflow(cusim::Arithmetic* a, cusim::address left, cusim::address right) {
    cusim::machine->fail("division", __builtin_return_address(0), "division of %s by %s as %s",
                         cusim::Operand(a->type, left).begin, cusim::Operand(a->type, right).begin, a->type->name);
}
CUSIM_CALLBACK __ubsan_handle_shift_out_of_bounds(cusim::Arithmetic* a, cusim::address left, cusim::address right) {
    cusim::machine->fail("shift", __builtin_return_address(0), "shift of %s, a value of type %s, by %s",
                         cusim::Operand(a->type, left).begin, a->type->name, cusim::Operand(a->other, right).begin);
}
CUSIM_CALLBACK __ubsan_handle_out_of_bounds(cusim::Arithmetic* a, cusim::address index) {
    cusim::machine->fail("out of bounds", __builtin_return_address(0),
                         "index %s is out of bounds of an array of type %s", cusim::Operand(a->other, index).begin,
                         a->type->name);
}
CUSIM_CALLBACK __ubsan_handle_type_mismatch_v1(cusim::Misalignment* m, cusim::address where) {
    if (where == 0)
        cusim::machine->fail("null pointer", __builtin_return_address(0), "use of a null pointer to %s", m->type->name);
    cusim::machine->misaligned(reinterpret_cast<void*>(where), m->type->name, cusim::size(1) << m->alignment,
                               __builtin_return_address(0));
}
CUSIM_CALLBACK __ubsan_handle_builtin_unreachable(cusim::Arithmetic*) {
    cusim::machine->fail("unreachable", __builtin_return_address(0), "__builtin_unreachable() was reached");
}
