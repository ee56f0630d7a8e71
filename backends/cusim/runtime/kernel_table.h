// The list of a module's kernels, with their signatures as the compiler sees them, and how to call them.
#pragma once
#include "machine.h"

namespace cusim {

template <class T>
struct TypeOf {  // structs, and what else is not below
    static constexpr char kind = 's';
    static constexpr int bytes = sizeof(T);
};
template <>
struct TypeOf<void> {
    static constexpr char kind = 'v';
    static constexpr int bytes = 0;
};
template <class T>
struct TypeOf<T*> {
    static constexpr char kind = 'p';
    static constexpr int bytes = sizeof(T*);
};
#define CUSIM_TYPE(type, letter)                    \
    template <>                                     \
    struct TypeOf<type> {                           \
        static constexpr char kind = letter;        \
        static constexpr int bytes = sizeof(type);  \
    };
CUSIM_TYPE(bool, 'b')
CUSIM_TYPE(char, 'i') CUSIM_TYPE(signed char, 'i') CUSIM_TYPE(short, 'i') CUSIM_TYPE(int, 'i') CUSIM_TYPE(long, 'i')
CUSIM_TYPE(long long, 'i')
CUSIM_TYPE(unsigned char, 'u') CUSIM_TYPE(unsigned short, 'u') CUSIM_TYPE(unsigned, 'u') CUSIM_TYPE(unsigned long, 'u')
CUSIM_TYPE(unsigned long long, 'u')
CUSIM_TYPE(float, 'f') CUSIM_TYPE(double, 'f')

template <class T> struct Plain { typedef T type; static constexpr bool is_const = false; };
template <class T> struct Plain<const T> { typedef T type; static constexpr bool is_const = true; };
template <class T> struct Plain<volatile T> { typedef T type; static constexpr bool is_const = false; };
template <class T> struct Plain<const volatile T> { typedef T type; static constexpr bool is_const = true; };

template <class T>
struct Describe {
    static constexpr ParameterInfo value{TypeOf<typename Plain<T>::type>::kind, ' ', false, sizeof(T), 0};
};
template <class T>
struct Describe<T*> {
    typedef Plain<T> Pointee;
    static constexpr ParameterInfo value{'p', TypeOf<typename Pointee::type>::kind, Pointee::is_const, sizeof(T*),
                                         TypeOf<typename Pointee::type>::bytes};
};

template <int... i> struct Indices {};
template <int count, int... i> struct Count : Count<count - 1, count - 1, i...> {};
template <int... i> struct Count<0, i...> { typedef Indices<i...> type; };

template <class F> struct Signature;
template <class... P>
struct Signature<void (*)(P...)> {
    static constexpr int count = sizeof...(P);
    static constexpr ParameterInfo parameters[count + 1] = {Describe<typename Plain<P>::type>::value..., {}};

    template <void (*kernel)(P...)>
    CUSIM_UNCHECKED static void entry(void** arguments) {
        call<kernel>(arguments, typename Count<count>::type());
    }

   private:
    template <void (*kernel)(P...), int... i>
    CUSIM_UNCHECKED static inline __attribute__((always_inline)) void call(void** arguments, Indices<i...>) {
        kernel(*static_cast<typename Plain<P>::type*>(arguments[i])...);
    }
};

}  // namespace cusim

#define CUSIM_TEXT_OF(...) #__VA_ARGS__
#define CUSIM_TEXT(...) CUSIM_TEXT_OF(__VA_ARGS__)
#define CUSIM_KERNEL(number, bounds, ...)                                                         \
    {CUSIM_TEXT(__VA_ARGS__), &cusim::Signature<decltype(&__VA_ARGS__)>::entry<&__VA_ARGS__>,     \
     cusim::Signature<decltype(&__VA_ARGS__)>::parameters,                                        \
     cusim::Signature<decltype(&__VA_ARGS__)>::count, bounds, number}

// `__constant__` variables lie in a section of their own; the linker marks its ends. There may be none.
extern "C" __attribute__((visibility("hidden"), weak)) const char __start_cusim_constants[], __stop_cusim_constants[];

#define CUSIM_MODULE_BEGIN static const cusim::KernelInfo cusim_kernels[] = {
#define CUSIM_MODULE_END                                                                           \
    {}};                                                                                           \
    extern "C" __attribute__((visibility("default"), used)) const cusim::ModuleInfo cusim_module = \
        {&cusim::machine,                                                                          \
         cusim_kernels,                                                                            \
         sizeof cusim_kernels / sizeof *cusim_kernels - 1,                                         \
         cusim::dynamic_shared + cusim::shared_guard + 16,                                         \
         &cusim::early_shared,                                                                     \
         __start_cusim_constants,                                                                  \
         __stop_cusim_constants};
