"""erf, erfc and erfinv, made wrong in one place: the parity cases in the simulator catch each."""

PRIMITIVES = ["erf", "erfc", "erfinv"]

PACKS = "apply_at<Function, VECTOR>(x, out, i * VECTOR);"
REST = "packs * VECTOR + grid_start<INDEX>(); i < n;"

#: (source, kernel, text that occurs once in the source or its headers, what stands there instead)
MUTANTS = [
    ("special", "erf_forward", "is_aligned(x) && is_aligned(out) ? n / VECTOR : 0;", "(n + VECTOR - 1) / VECTOR;"),
    ("special", "erf_forward", PACKS, "apply_at<Function, VECTOR>(x, out, i);"),
    ("special", "erf_forward", REST, "packs * VECTOR; i < n;"),
    ("special", "erf_forward", REST, "packs * VECTOR + grid_start<INDEX>(); i < n - 1;"),
    ("special", "erf_forward", "apply(to_real(values.values[j]))", "apply(to_real(values.values[0]))"),
    ("special", "erf_forward", "apply_to_all<Erf>", "apply_to_all<Erfc>"),
    ("special", "erfc_forward", "return complementary_error_function(x);", "return 1 - error_function(x) + x * 0;"),
    ("special", "erfinv_forward", "size <= T(0.85)", "size <= T(0.95)"),
    ("special", "erfinv_forward", "factor = x < 0 ? T(-1) : T(1);", "factor = T(1);"),
    ("special", "erfinv_forward", "numerator = polynomial(p, r - 5)", "numerator = polynomial(p, r - 4)"),
    ("special", "erfinv_forward", "if (size == 1)", "if (size > 1)"),
    ("special", "erfinv_forward", "numerator / denominator * T(0.70710678118654752440)", "numerator / denominator"),
    ("special", "erfinv_forward", "i >= 0; --i) value = value", "i > 0; --i) value = value"),
]  # fmt: skip
