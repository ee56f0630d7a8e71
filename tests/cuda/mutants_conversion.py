"""The conversion between dtypes, made wrong in one place: the parity cases in the simulator catch each."""

PRIMITIVES = ["cast"]

#: (source, kernel, text that occurs once in the source or its headers, what stands there instead)
MUTANTS = [
    ("cast", "cast", "return float_to_half(rounded_to_odd(x));", "return from_real<half_t>(x);"),
    ("cast", "cast", "if (difference > 0) --bits;", ""),
    ("cast", "cast", "if (difference > 0 || difference < 0) bits |= 1;", ""),
    ("cast", "cast", "is_aligned(x) && is_aligned(out) ? n / WIDE : 0;", "(n + WIDE - 1) / WIDE;"),
    ("cast", "cast", "cast_pack<WIDE>(x + i * WIDE, out + i * WIDE);", "cast_pack<WIDE>(x + i, out + i);"),
    ("cast", "cast", "packs * WIDE + grid_start<INDEX>(); i < n;", "packs + grid_start<INDEX>() + 1; i < n;"),
    ("cast", "cast", "converted<SCALAR>(from.values[j])", "converted<SCALAR>(from.values[0])"),
    ("cast", "cast", "store_pack<WIDTH>(out, to);", ""),
]
