"""Pooling, made wrong in one place: the parity cases in the simulator catch each."""

PRIMITIVES = [
    "max_pool2d_forward", "min_pool2d_forward", "index_pool2d_gather", "index_pool2d_scatter", "avg_pool2d_forward",
    "avg_pool2d_backward",
]  # fmt: skip

MAX, MIN, GATHER, SCATTER = "max_pool2d_forward", "min_pool2d_forward", "index_pool2d_gather", "index_pool2d_scatter"
FORWARD, BACKWARD = "avg_pool2d_forward", "avg_pool2d_backward"

#: (source, kernel, text that occurs once in the source or its headers, what stands there instead)
MUTANTS = [
    # --- windows.cuh ---
    ("pool2d", MAX, "window * stride - before + tap * dilation;", "window * stride + tap * dilation;"),
    ("pool2d", MAX, "window * stride - before + tap * dilation;", "window * stride - before + tap;"),
    ("pool2d", MAX, "0 <= element && element < size;", "0 <= element && element <= size;"),
    ("pool2d", MIN, "0 <= element && element < size;", "element < size;"),
    ("pool2d", SCATTER, "const int last = (element + before) / stride;", "const int last = element / stride;"),
    ("pool2d", SCATTER, "last < outputs ? last : outputs - 1;", "last;"),
    ("pool2d", SCATTER, "(beyond + stride - 1) / stride;", "beyond / stride + 1;"),
    ("pool2d", SCATTER, "element + before - dilation * (kernel - 1);", "element + before - dilation * kernel;"),
    ("pool2d", SCATTER, "distance % dilation == 0 ? distance / dilation : -1;", "distance / dilation;"),
    # --- max and min ---
    ("pool2d", MAX, "row = i / width;", "row = i / height;"),
    ("pool2d", MAX, "at.plane * vertical.size * horizontal.size;", "at.plane * vertical.size;"),
    ("pool2d", MAX, "value > best ||", "value >= best ||"),
    ("pool2d", MAX, "value > best || (value != value && best == best)", "value > best"),
    ("pool2d", MAX, "value > best || (value != value && best == best)", "value > best || value != value"),
    ("pool2d", MIN, "value < best ||", "value <= best ||"),
    ("pool2d", MIN, "return infinity(REAL());", "return -infinity(REAL());"),
    ("pool2d", MAX, "int place = -1;", "int place = 0;"),
    ("pool2d", MAX, "r < vertical.kernel; ++r", "r + 1 < vertical.kernel; ++r"),
    ("pool2d", MAX, "s < horizontal.kernel; ++s", "s < vertical.kernel; ++s"),
    ("pool2d", MAX, "place = r * horizontal.kernel + s;", "place = r * vertical.kernel + s;"),
    ("pool2d", MAX, "place < 0 ? 0 : place", "place"),
    ("pool2d", MAX, "row) * horizontal.size + column]", "row) * vertical.size + column]"),
    # --- along places ---
    ("pool2d", GATHER, "r = place / kernel_x;", "r = place / kernel_y;"),
    ("pool2d", GATHER, "if (r < kernel_y && vertical.inside(row) && horizontal.inside(column))", ""),
    ("pool2d", GATHER, "(at.plane * height + row) * width + column", "(at.plane * height + column) * width + row"),
    ("pool2d", SCATTER, "at.plane * output_height * output_width;", "at.plane * output_height;"),
    ("pool2d", SCATTER, "q >= first_column; --q", "q > first_column; --q"),
    ("pool2d", SCATTER, "p >= first_row; --p", "p > first_row; --p"),
    ("pool2d", SCATTER, "places[window] == r * kernel_x + s", "true"),
    ("pool2d", SCATTER, "sum += to_real(grad[window]);", "sum = to_real(grad[window]);"),
    # --- averages ---
    ("avg_pool2d", FORWARD, "-axis.before, axis.size + after)", "0, axis.size + after)"),
    ("avg_pool2d", FORWARD, "-axis.before, axis.size + after)", "-axis.before, axis.size)"),
    ("avg_pool2d", FORWARD, "start >= begin ? 0 : (begin - start + dilation - 1) / dilation;", "0;"),
    ("avg_pool2d", FORWARD, "start >= end ? 0 : (end - 1 - start) / dilation + 1;", "kernel;"),
    ("avg_pool2d", BACKWARD, "return divisor ? 1 : taps(axis, p, bottom);", "return taps(axis, p, bottom);"),
    ("avg_pool2d", FORWARD, "rows * columns != 0 ? rows * columns : 1", "rows * columns"),
    ("avg_pool2d", FORWARD, "rows * columns != 0 ?", "rows * columns > 0 ?"),
    ("avg_pool2d", FORWARD, "sum += to_real(x[", "sum = to_real(x["),
    ("avg_pool2d", FORWARD, "if (horizontal.inside(column)) sum", "sum"),
    ("avg_pool2d", FORWARD, "(plane * height + row) * width + column]", "(plane * height + row) * height + column]"),
    ("avg_pool2d", BACKWARD, "if (vertical.tap(p, row) < 0) continue;", ""),
    ("avg_pool2d", BACKWARD, "if (horizontal.tap(q, column) < 0) continue;", ""),
    ("avg_pool2d", BACKWARD, "q >= first_q; --q", "q > first_q; --q"),
    ("avg_pool2d", BACKWARD, "plane * output_height * output_width;", "plane * output_height;"),
    ("avg_pool2d", BACKWARD, "Divisor::of(rows, divisors.columns(horizontal, q))", "Divisor::of(rows, 1)"),
    ("avg_pool2d", BACKWARD, "i / width, plane", "i / output_width, plane"),
]
