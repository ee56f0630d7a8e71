"""Losses, each made wrong in one place: the parity cases in the simulator catch each."""

PRIMITIVES = ["softmax_cross_entropy", "bce_with_logits"]

WARP, BLOCK, TOTAL = "cross_entropy_warp", "cross_entropy_block", "cross_entropy_total"
BCE = "bce_with_logits"

#: (source, kernel, text that occurs once in the source or its headers, what stands there instead)
MUTANTS = [
    # --- labels ---
    (
        "cross_entropy",
        WARP,
        "case LABELS_OF(1, 0): return read<unsigned char>",
        "case LABELS_OF(1, 0): return read<int>",
    ),
    (
        "cross_entropy",
        WARP,
        "case LABELS_OF(1, 1): return read<signed char>",
        "case LABELS_OF(1, 1): return read<short>",
    ),
    ("cross_entropy", WARP, "case LABELS_OF(4, 1): return read<int>(row);", ""),
    ("cross_entropy", WARP, "weight == nullptr ? REAL(1)", "weight == nullptr ? REAL(2)"),
    ("cross_entropy", WARP, "chosen == ignore_index ? REAL(0) : class_weight", "class_weight"),
    ("cross_entropy", WARP, "0 <= label && label < classes", "0 <= label && label + 1 < classes"),
    # --- a row ---
    ("cross_entropy", WARP, "logits + row * targets.classes}, targets.classes", "logits}, targets.classes"),
    ("cross_entropy", WARP, "label != targets.ignore_index;", "true;"),
    ("cross_entropy", WARP, "(1 - all.smoothing) * targets.class_weight(label);", "targets.class_weight(label);"),
    ("cross_entropy", WARP, "all.smoothing / targets.classes;", "all.smoothing;"),
    ("cross_entropy", WARP, "loss = -hard * (", "loss = hard * ("),
    ("cross_entropy", WARP, "logits[row * targets.classes + label])", "logits[row * targets.classes])"),
    ("cross_entropy", WARP, "weighted += weight.values[j] * (", "weighted += ("),
    ("cross_entropy", WARP, "weights += weight.values[j];", "weights += 1;"),
    ("cross_entropy", WARP, "loss -= share * group.template reduce<Sum>(weighted);", "loss -= share * weighted;"),
    ("cross_entropy", WARP, "target_sum += share * group", "target_sum += group"),
    ("cross_entropy", WARP, "(first + j == label ? hard : REAL(0));", "(first == label ? hard : REAL(0));"),
    ("cross_entropy", WARP, "if (all.smoothing > 0) target = targets", "if (false) target = targets"),
    ("cross_entropy", WARP, "(p * target_sum - wanted) * all.scale", "(p - wanted) * all.scale"),
    (
        "cross_entropy",
        WARP,
        "counts ? (p * target_sum - wanted) * all.scale : REAL(0)",
        "(p * target_sum - wanted) * all.scale",
    ),
    ("cross_entropy", WARP, "return counts ? loss : REAL(0);", "return loss;"),
    (
        "cross_entropy",
        BLOCK,
        "exponential(to_real(packs.of[0].values[j]) - found.largest",
        "exponential(to_real(packs.of[0].values[j])",
    ),
    ("cross_entropy", WARP, "stored = load_pack<WIDTH>(weight + first);", "stored = load_pack<WIDTH>(weight);"),
    # --- all rows ---
    ("cross_entropy", WARP, "row < rows; row += blockDim.x) sum +=", "row + 1 < rows; row += blockDim.x) sum +="),
    ("cross_entropy", WARP, "total == 0 ? infinity(REAL()) - infinity(REAL()) : 1 / total;", "total;"),
    ("cross_entropy", WARP, "lost = block_reduce<Sum>(lost, shared);\n    if", "if"),
    ("cross_entropy", WARP, "if (threadIdx.x == 0) partials[blockIdx.x] = lost;", "partials[blockIdx.x] = lost;"),
    ("cross_entropy", WARP, "if (!is_last_block(ticket, gridDim.x)) return;", ""),
    ("cross_entropy", WARP, "        lost = 0;\n", ""),
    (
        "cross_entropy",
        WARP,
        "    __threadfence();\n    __syncthreads();\n    if (threadIdx.x == 0 &&",
        "    if (threadIdx.x == 0 &&",
    ),
    ("cross_entropy", WARP, "from_real<SCALAR>(lost * scale)", "from_real<SCALAR>(lost)"),
    (
        "cross_entropy",
        WARP,
        "groups + threadIdx.x / THREADS; row < rows;",
        "groups + threadIdx.x / THREADS; row <= rows;",
    ),
    ("cross_entropy", WARP, "if (Group<THREADS>::thread() == 0) {", "{"),
    ("cross_entropy", WARP, "loss[row] = from_real<SCALAR>(here);", "loss[0] = from_real<SCALAR>(here);"),
    ("cross_entropy", BLOCK, "lost += here;", "lost = here + 1;"),
    ("cross_entropy", TOTAL, "*total = sum;", "*total = sum + 1;"),
    ("cross_entropy", TOTAL, "targets.row_weight(first)}};", "targets.row_weight(first / 2)}};"),
    # --- bce.cu ---
    ("bce", BCE, "const REAL q = 1 + (ps.values[j] - 1) * t;", "const REAL q = ps.values[j] * t;"),
    ("bce", BCE, "larger(-x, REAL(0)) + log", "log"),
    ("bce", BCE, "exponential(-absolute(x)));  //", "exponential(-x));  //"),
    ("bce", BCE, "loss.values[j] = ws.values[j] *", "loss.values[j] ="),
    ("bce", BCE, "((1 - t) * x + q * softplus);", "(t * x + q * softplus);"),
    ("bce", BCE, "q * activations::logistic(-x));", "q * activations::logistic(x));"),
    ("bce", BCE, "from_real<SCALAR>(slope * scale);", "from_real<SCALAR>(slope);"),
    ("bce", BCE, "if (losses) store_pack", "if (false) store_pack"),
    ("bce", BCE, "if (loss) *loss = from_real<SCALAR>(sum * scale);", "if (loss) *loss = from_real<SCALAR>(sum);"),
    ("bce", BCE, ": n > 0 ? 1 / REAL(n) : infinity(REAL()) * 0;", ": 1 / REAL(n + 1);"),
    ("bce", BCE, "summed ? nullptr : loss,", "nullptr,"),
    ("bce", BCE, "values ? to_real(stored.values[j]) : REAL(1);", "to_real(stored.values[j]);"),
    ("bce", BCE, "{weight, weight_channels, weight_inner}", "{weight, weight_channels, 1}"),
    ("bce", BCE, "threadIdx.x < inner % WIDTH", "threadIdx.x + 1 < inner % WIDTH"),
    ("bce", BCE, "sum += partials[channel * gridDim.y + share];", ";"),
]
