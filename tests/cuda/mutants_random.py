"""Kernels of random numbers and dropout, each made wrong in one place: the parity cases in the simulator catch each."""

PRIMITIVES = [
    "philox", "random_uniform", "random_normal", "random_integers", "random_permutation",
    "dropout_forward", "dropout_backward",
]  # fmt: skip

#: (source, kernel, text that occurs once in the source with its headers, what stands there instead)
MUTANTS = [
    # --- random.cu ---
    ("random", "random_uniform", "i * BLOCKS + b", "i * BLOCKS"),  # float16: the first block twice
    (
        "random",
        "random_uniform",
        "if (start + j < n) out[start + j] = pack.values[j];",
        "out[start + j] = pack.values[j];",
    ),
    ("random", "random_uniform", "if (start + VECTOR <= n)", "if (start <= n)"),  # writes beyond the end
    ("random", "random_uniform", "i * VECTOR < n; i", "i * VECTOR + 1 < n; i"),  # drops a last single element
    ("random", "random_uniform", "block.words[i] >> 21", "block.words[i] >> 20"),
    (
        "random",
        "random_uniform",
        "static_cast<unsigned long long>(first >> 5) << 26",
        "static_cast<unsigned long long>(first >> 6) << 26",
    ),
    ("random", "random_uniform", "round < 10", "round < 9"),
    ("random", "random_uniform", "k1 += 0xBB67AE85u;", "k1 += 0x9E3779B9u;"),
    ("random", "random_uniform", "static_cast<unsigned>(offset >> 32)", "0u"),
    ("random", "random_normal", "(block.words[i] >> 8) + 1", "(block.words[i] >> 8)"),
    ("random", "random_normal", "unit53(first + 1)", "unit53(first)"),
    ("random", "random_normal", "0x1.6a09e667f3bcdp-1", "0x1.6a09e667f3bcdp-2"),  # no longer below sqrt(2)
    ("random", "random_normal", "2.0 / 9, 2.0 / 7, 2.0 / 5, 2.0 / 3);", "2.0 / 7, 2.0 / 5, 2.0 / 3);"),  # a term less
    (
        "random",
        "random_normal",
        "1.0 / 362880, -1.0 / 5040, 1.0 / 120, -1.0 / 6);",
        "-1.0 / 5040, 1.0 / 120, -1.0 / 6);",
    ),
    ("random", "random_normal", "return 0x1.2fefa2p-17f;", "return 0.0f;"),
    # the same sum in another order: right to rounding, but not the same bits
    (
        "random",
        "random_normal",
        "sub_rn(sub_rn(half_square, tail), f)",
        "sub_rn(sub_rn(half_square, f), tail)",
    ),
    ("random", "random_normal", "quadrant == 2 || quadrant == 3", "quadrant == 3"),
    ("random", "random_normal", "second = mul_rn(radius, sine);", "second = mul_rn(radius, cosine);"),
    # --- random_integers.cu ---
    ("random_integers", "philox_words", "i * 4 < n; i", "i * 4 + 1 < n; i"),
    ("random_integers", "philox_words", "store_up_to(out, i * 4, n, pack);", "store_pack(out + i * 4, pack);"),
    ("random_integers", "philox_words", "if (start + N <= n)", "if (start + N < n + 2)"),
    (
        "random_integers",
        "philox_words",
        "static_cast<unsigned>(product0 >> 32) ^ c3 ^ k1",
        "static_cast<unsigned>(product0 >> 32) ^ c1 ^ k1",
    ),
    ("random_integers", "philox_words", "static_cast<unsigned>(stream >> 32)", "static_cast<unsigned>(stream)"),
    ("random_integers", "philox_words", "0xCD9E8D57ull", "0xCD9E8D55ull"),
    ("random_integers", "random_integers", "i * 2 < n; i", "i * 2 + 1 < n; i"),
    (
        "random_integers",
        "random_integers",
        "<unsigned long long>(high) << 32 | low",
        "<unsigned long long>(low) << 32 | high",
    ),
    ("random_integers", "random_integers", "span == 0 ? draw : ", ""),
    ("random_integers", "random_integers", "low + (span == 0", "(span == 0"),
    (
        "random_integers",
        "random_integers",
        "draw64(block.words[2 * j], block.words[2 * j + 1])",
        "draw64(block.words[j], block.words[j + 1])",
    ),
    # --- dropout.cu ---
    ("dropout", "dropout", "(word >> 8) >= bound", "(word >> 8) > bound"),
    ("dropout", "dropout", "mul_rn(to_real(x), scale)", "to_real(x)"),
    ("dropout", "dropout", ": REAL(0));", ": to_real(x) * REAL(0));"),  # NaN for an infinite one
    ("dropout", "dropout", "start / 4 + b", "start / 4"),  # float16: the same words twice
    ("dropout", "dropout", "VECTOR == 2 && start % 4 != 0", "false"),  # float64: the first two words twice
    ("dropout", "dropout", "if (aligned && start + VECTOR <= n)", "if (aligned)"),  # beyond the end
    ("dropout", "dropout", "if (start + j < n) out[start + j]", "if (start + j <= n) out[start + j]"),
    ("dropout", "dropout", "i * VECTOR < n; i", "i * VECTOR + VECTOR <= n; i"),  # no rest
    ("dropout", "dropout", "static_cast<unsigned>(seed >> 32)", "0u"),
]
