"""The optimizer updates, each made wrong in one place: the parity cases in the simulator catch each."""

PRIMITIVES = ["sgd_update", "adagrad_update", "adadelta_update", "rmsprop_update", "adam_update",
              "nadam_update", "lion_update"]  # fmt: skip

#: (source, kernel, text that occurs once in the source or its headers, what stands there instead)
MUTANTS = [
    # --- optimizer.cuh, in one of the sources that include it ---
    ("sgd", "sgd_update", "aligned ? n / VECTOR : 0", "aligned ? n / VECTOR + 1 : 0"),  # beyond the end
    ("sgd", "sgd_update", "packs * VECTOR + grid_start", "packs * VECTOR + 1 + grid_start"),
    ("sgd", "sgd_update", "i = packs * VECTOR + grid_start", "i = grid_start"),  # updates twice
    (
        "sgd",
        "sgd_update",
        "for (int k = 0; k < COUNT; ++k) arrays[k][i] =",
        "for (int k = 0; k < 1; ++k) arrays[k][i] =",
    ),
    ("sgd", "sgd_update", "for (int k = 0; k < COUNT; ++k) store_pack", "for (int k = 1; k < COUNT; ++k) store_pack"),
    ("sgd", "sgd_update", "if (maximize) gradient = -gradient;", ""),
    ("sgd", "sgd_update", "gradient + weight_decay * param;", "gradient + weight_decay * gradient;"),
    ("sgd", "sgd_update", "weight_decay == 0 ? gradient : ", "weight_decay != 0 ? gradient : "),
    (
        "sgd",
        "sgd_update",
        "case 1: return *static_cast<const double*>(place);",
        "case 1: return *static_cast<const float*>(place);",
    ),
    ("sgd", "sgd_update", "if (place == nullptr) return value;", "if (place != nullptr) return value;"),
    (
        "adam",
        "adam_update_scheduled",
        "default: return static_cast<double>(*static_cast<const long long*>(place));",
        "default: return 1;",
    ),
    ("adam", "adam_update", "rule(values, to_real(gradient.values[j]));", "rule(values, to_real(gradient.values[0]));"),
    ("sgd", "sgd_update", "FIRST_STEP ? g :", ""),
    ("sgd", "sgd_update", "momentum * values[1] + share * g;", "momentum * values[1] + g;"),
    ("sgd", "sgd_update", "nesterov ? g + momentum * buffer : buffer", "nesterov ? g + buffer : buffer"),
    ("sgd", "sgd_update", "values[1] = buffer;", ""),
    ("sgd", "sgd_update", "if (momentum_buffer == nullptr)", "if (momentum_buffer != nullptr)"),
    # --- adagrad.cu ---
    ("adagrad", "adagrad_update", "values[1] += g * g;", "values[1] = g * g;"),
    ("adagrad", "adagrad_update", "square_root(values[1]) + eps", "square_root(values[1] + eps)"),
    ("adagrad", "adagrad_update", "values[0] -= rate * g", "values[0] -= rate * gradient"),
    ("adagrad", "adagrad_update", "number(step, step_place, step_type) - 1", "number(step, step_place, step_type)"),
    ("adagrad", "adagrad_update", "lr_place != nullptr || step_place != nullptr", "false"),
    ("adagrad", "adagrad_update", "number(lr, lr_place, lr_type) / decayed", "number(lr, lr_place, lr_type)"),
    # --- adadelta.cu ---
    ("adadelta", "adadelta_update", "rho * values[1] + share * (g * g)", "values[1] + share * (g * g)"),
    ("adadelta", "adadelta_update", "square_root(values[2] + eps)", "square_root(values[2])"),
    ("adadelta", "adadelta_update", "square_root(values[1] + eps) * g", "square_root(values[1] + eps) * gradient"),
    ("adadelta", "adadelta_update", "share * (delta * delta)", "share * (g * g)"),
    ("adadelta", "adadelta_update", "values[0] -= lr * delta;", "values[0] -= delta;"),
    ("adadelta", "adadelta_update", "{param, square_avg, acc_delta}", "{param, acc_delta, square_avg}"),
    # --- rmsprop.cu ---
    ("rmsprop", "rmsprop_update", "alpha * values[1] + share * (g * g)", "alpha * values[1] + (g * g)"),
    ("rmsprop", "rmsprop_update", "alpha * values[2] + share * g;", "alpha * values[2] + share * g * g;"),
    ("rmsprop", "rmsprop_update", "larger(variance - mean * mean, REAL(0))", "variance - mean * mean"),
    ("rmsprop", "rmsprop_update", "g / (square_root(variance) + eps)", "g / square_root(variance + eps)"),
    (
        "rmsprop",
        "rmsprop_update",
        "values[count - 1] = momentum * values[count - 1] + direction",
        "momentum * values[count - 1] + direction",
    ),
    (
        "rmsprop",
        "rmsprop_update",
        "{param, square_avg, grad_avg, momentum_buffer}",
        "{param, square_avg, momentum_buffer, grad_avg}",
    ),
    # --- adam.cu ---
    ("adam", "adam_update", "beta1 * values[1] + share1 * g;", "beta1 * values[1] + share2 * g;"),
    ("adam", "adam_update", "share2 * (g * g);", "share2 * g;"),
    (
        "adam",
        "adam_update",
        "variance = values[3] = larger(values[3], variance);",
        "values[3] = larger(values[3], variance);",
    ),
    (
        "adam",
        "adam_update",
        "variance = values[3] = larger(values[3], variance);",
        "variance = larger(values[3], variance);",
    ),
    ("adam", "adam_update", "values[0] = keep * values[0] -", "values[0] = values[0] -"),
    ("adam", "adam_update_scheduled", "square_root(variance) + floor", "square_root(variance + floor)"),
    ("adam", "adam_update_scheduled", "sqrt(1 - pow(beta2, t))", "1 - pow(beta2, t)"),
    ("adam", "adam_update_scheduled", "now / (1 - pow(beta1, t)) * c", "now / (1 - pow(beta1, t))"),
    ("adam", "adam_update_scheduled", "1 - now * decoupled_decay", "1 - decoupled_decay"),
    ("adam", "adam_update_scheduled", "    __syncthreads();\n    const REAL b1", "    const REAL b1"),
    # --- nadam.cu ---
    ("nadam", "nadam_update", "beta1 * values[1] + share1 * g;", "beta1 * values[1] + share2 * g;"),
    ("nadam", "nadam_update", "beta2 * values[2] + share2 * (g * g)", "beta2 * values[2] + share2 * g"),
    ("nadam", "nadam_update", "grad_rate * g + mean_rate * mean", "grad_rate * gradient + mean_rate * mean"),
    ("nadam", "nadam_update", "grad_rate * g + mean_rate * mean", "mean_rate * g + grad_rate * mean"),
    ("nadam", "nadam_update", "square_root(variance) + floor", "square_root(variance + floor)"),
    ("nadam", "nadam_update", "values[0] = keep * values[0] -", "values[0] = values[0] -"),
    ("nadam", "nadam_update", "const REAL mean = values[1] =", "const REAL mean ="),
    ("nadam", "nadam_update", "1 - now * decoupled_decay", "1 - decoupled_decay"),
    ("nadam", "nadam_update", "static_cast<REAL>(now * mean_share)", "static_cast<REAL>(mean_share)"),
    ("nadam", "nadam_update", "{param, exp_avg, exp_avg_sq}", "{param, exp_avg_sq, exp_avg}"),
    # --- lion.cu ---
    ("lion", "lion_update", "maximize ? -gradient : gradient", "gradient"),
    ("lion", "lion_update", "beta1 * values[1] + share1 * g;", "beta2 * values[1] + share2 * g;"),
    ("lion", "lion_update", "mixed < 0 ? REAL(-1) : mixed", "mixed"),
    ("lion", "lion_update", "keep * values[0] - lr * direction", "values[0] - lr * direction"),
    ("lion", "lion_update", "keep * values[0] - lr * direction", "keep * values[0] - direction"),
    ("lion", "lion_update", "values[1] = beta2 * values[1] + share2 * g;", "values[1] = mixed;"),
    ("lion", "lion_update", "1 - now * weight_decay", "1 - weight_decay"),
]
