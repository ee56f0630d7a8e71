"""Adaptive pooling, made wrong in one place: the parity cases in the simulator catch each."""

PRIMITIVES = [
    "adaptive_avg_pool2d_forward", "adaptive_avg_pool2d_backward", "adaptive_max_pool2d_forward",
    "adaptive_pool2d_gather", "adaptive_pool2d_scatter",
]  # fmt: skip

AVG, BACKWARD, MAX = "adaptive_avg_pool2d_forward", "adaptive_avg_pool2d_backward", "adaptive_max_pool2d_forward"
GATHER, SCATTER = "adaptive_pool2d_gather", "adaptive_pool2d_scatter"

#: (source, kernel, text that occurs once in the source or its headers, what stands there instead)
MUTANTS = [
    ("adaptive_pool2d", AVG, "other + own - 1) / own);", "other) / own);"),
    ("adaptive_pool2d", AVG, "static_cast<long long>(item) * other / own", "item * (other / own)"),
    ("adaptive_pool2d", MAX, "static_cast<long long>(item + 1) * other", "static_cast<long long>(item + 2) * other"),
    ("adaptive_pool2d", SCATTER, "other + own - 1) / own);", "other) / own);"),
    ("adaptive_pool2d", AVG, "const INDEX row = i / width;", "const INDEX row = i / height;"),
    ("adaptive_pool2d", AVG, "sum += to_real(plane[", "sum = to_real(plane["),
    ("adaptive_pool2d", AVG, "static_cast<REAL>(rows.size() * columns.size())", "static_cast<REAL>(rows.size())"),
    ("adaptive_pool2d", BACKWARD, "const int rows = Range(p, output_height, height).size();", "const int rows = 1;"),
    ("adaptive_pool2d", BACKWARD, "Range(q, output_width, width).size();", "Range(q, width, output_width).size();"),
    ("adaptive_pool2d", BACKWARD, "grad + at.plane * output_height * output_width;", "grad;"),
    ("adaptive_pool2d", MAX, "value > best || (", "value >= best || ("),
    ("adaptive_pool2d", MAX, "value != value && best == best", "value != value"),
    ("adaptive_pool2d", MAX, "(value != value && best == best)", "false"),
    ("adaptive_pool2d", MAX, "place = here;", "place = here - columns.begin;"),
    ("adaptive_pool2d", GATHER, "i / outputs * height * width", "i * height * width"),
    ("adaptive_pool2d", SCATTER, "static_cast<long long>(at.y) * width + at.x;", "at.x;"),
    ("adaptive_pool2d", SCATTER, "sum += to_real(grad[part]);", "sum = to_real(grad[part]);"),
    (
        "adaptive_pool2d",
        SCATTER,
        "const INDEX plane = at.plane * output_height * output_width;",
        "const INDEX plane = 0;",
    ),
]
