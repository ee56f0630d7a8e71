"""Cross-entropy with class probabilities, and checks of values, each made wrong in one place: the cases catch each."""

PRIMITIVES = ["soft_cross_entropy", "check_value_range"]

WARP, BLOCK = "soft_cross_entropy_warp", "soft_cross_entropy_block"
CHECK = "check_value_range"

#: (source, kernel, text that occurs once in the source or its headers, what stands there instead)
MUTANTS = [
    ("soft_cross_entropy", WARP, "const REAL share = smoothing / classes;", "const REAL share = smoothing;"),
    ("soft_cross_entropy", WARP, "(1 - smoothing) * to_real(given", "to_real(given"),
    ("soft_cross_entropy", WARP, "wanted.values[j] *= to_real(weights", "wanted.values[j] += to_real(weights"),
    ("soft_cross_entropy", WARP, "weights = load_pack<WIDTH>(weight + first);", "weights = load_pack<WIDTH>(weight);"),
    ("soft_cross_entropy", WARP, "target_sum = group.template reduce<Sum>(target_sum);", ""),
    ("soft_cross_entropy", WARP, "target_sum += wanted.values[j];", "target_sum = wanted.values[j];"),
    ("soft_cross_entropy", WARP, "all.target + row * all.classes}", "all.target}"),
    ("soft_cross_entropy", WARP, "if (wanted.values[j] != 0) loss -=", "loss -="),  # 0 * -inf
    ("soft_cross_entropy", WARP, "- found.largest - log_total;", "- log_total;"),
    ("soft_cross_entropy", WARP, "* target_sum - wanted.values[j]) * all.scale", "- wanted.values[j]) * all.scale"),
    ("soft_cross_entropy", WARP, "return group.template reduce<Sum>(loss);", "return loss;"),
    ("soft_cross_entropy", WARP, "reciprocal_or_nan(static_cast<REAL>(rows))", "REAL(1)"),
    (
        "soft_cross_entropy",
        BLOCK,
        "result);\n    });\n    return",
        "result);\n    });\n    __syncthreads();\n    loss *= 2; return",
    ),
    ("soft_cross_entropy", BLOCK, "all.gradient + row * all.classes + first, result", "all.gradient + first, result"),
    ("value_range", CHECK, "if (!(low <= value && value <= high)) position = i * VECTOR + j;", ""),
    (
        "value_range",
        CHECK,
        "(!(low <= value && value <= high)) position = i;",
        "(low > value || value > high) position = i;",
    ),
    (
        "value_range",
        CHECK,
        "(!(low <= value && value <= high)) position = i * VECTOR + j;",
        "(!(low < value && value <= high)) position = i * VECTOR + j;",
    ),
    ("value_range", CHECK, "int j = VECTOR - 1; j >= 0; --j", "int j = 0; j < VECTOR; ++j"),
    ("value_range", CHECK, "position = i * VECTOR + j;", "position = i + j;"),
    ("value_range", CHECK, "is_aligned(x) ? n / VECTOR : 0;", "n / VECTOR + 1;"),
    ("value_range", CHECK, "atomicExch(found, 0ull)", "*found"),
    ("value_range", CHECK, "record[3] = 2;", "record[3] = 0;"),
    ("value_range", CHECK, "to_real(x[n - distance])", "to_real(x[distance])"),
    ("value_range", CHECK, "atomicMax(found", "atomicMin(found"),
]
