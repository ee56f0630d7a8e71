"""Activations that stand alone, each made wrong in one place: the parity cases in the simulator catch each."""

PRIMITIVES = ["pointwise_forward", "pointwise_backward"]

FORWARD, BACKWARD = PRIMITIVES

#: (source, kernel, text that occurs once in the source or its headers, what stands there instead)
MUTANTS = [
    ("pointwise", kernel, text, replacement)
    for kernel, text, replacement in (
        # --- the table ---
        (FORWARD, "ROW(gelu, x / 2 * (1 +", "ROW(gelu, x / 2 * (1 -"),
        (FORWARD, "(x + T(0.044715) * x * x * x)", "(x + T(0.044715) * x * x)"),
        (BACKWARD, "(1 + T(3 * 0.044715) * x * x)", "(1 + T(0.044715) * x * x)"),
        (BACKWARD, "s * (1 + x * (1 - s));", "s * (1 + x * s);"),
        (FORWARD, "log_one_plus(exponential(-absolute(x)));", "log_one_plus(exponential(x));"),
        (BACKWARD, "t + x * logistic(x) * (1 - t * t);", "t + x * (1 - t * t);"),
        (BACKWARD, "(x > 0 ? T(1) : SELU_ALPHA *", "(x > 0 ? T(1) : SELU_SCALE *"),
        (FORWARD, "alpha * exponential_less_one(x / alpha)", "alpha * exponential_less_one(x)"),
        (FORWARD, "ROW(softplus, x * alpha > beta ?", "ROW(softplus, x > beta ?"),
        (BACKWARD, "x * alpha > beta ? g :", "x > beta ? g :"),
        (BACKWARD, "-soft_plus(-x), g * logistic(-x))", "-soft_plus(-x), g * logistic(x))"),
        (BACKWARD, "g / ((1 + absolute(x)) * (1 + absolute(x))))", "g / (1 + absolute(x)))"),
        (BACKWARD, "x > -3 && x < 3 ? g / 6", "x >= -3 && x < 3 ? g / 6"),
        (BACKWARD, "x <= -3 ? T(0) : x < 3", "x < -3 ? T(0) : x < 3"),
        (BACKWARD, "x < 3 ? g * (x / 3 + T(0.5))", "x <= 3 ? g * (x / 3 + T(0.5))"),
        (FORWARD, "x < low ? low : x > high ? high : x;", "x > low ? (x < high ? x : high) : low;"),  # loses NaN
        (BACKWARD, "x <= alpha || x >= beta ? T(0) : g)", "x <= alpha || x > beta ? T(0) : g)"),
        (BACKWARD, "x <= alpha ? beta : x, x <= alpha ?", "x <= alpha ? beta : x, x < alpha ?"),
        (BACKWARD, "x * 0, x >= -alpha && x <= alpha ?", "x * 0, x >= -alpha && x < alpha ?"),
        # --- the loops ---
        (FORWARD, "map.aligned() ? n / VECTOR : 0;", "n / VECTOR + 1;"),
        (FORWARD, "map.template at<VECTOR>(i * VECTOR);", "map.template at<VECTOR>(i);"),
        (BACKWARD, "packs * VECTOR + grid_start<INDEX>(); i < n;", "packs * VECTOR + grid_start<INDEX>(); i + 1 < n;"),
        (BACKWARD, "saved = load_pack<WIDTH>(x + first);", "saved = load_pack<WIDTH>(grad + first);"),
        (FORWARD, "store_pack<WIDTH>(out + first, values);\n    }\n};\n\ntemplate <class Activation>\nstruct Back",
         "}\n};\n\ntemplate <class Activation>\nstruct Back"),
        (FORWARD, "case code_##NAME: everywhere(Forward<", "case code_##NAME + 1: everywhere(Forward<"),
    )
]  # fmt: skip
