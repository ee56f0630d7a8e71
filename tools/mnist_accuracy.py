"""Train the demo's LeNet-5 on all of MNIST from three seeds, and print the table that the README shows.

    DLCORE_DATA=folder python tools/mnist_accuracy.py

Fails if the mean test accuracy is below the bar. Takes some minutes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))

BAR = 0.987


def main() -> int:
    import digits

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    accuracies = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in options.seeds:
            accuracies[seed] = digits.main(["--dataset", "mnist", "--seed", str(seed), "--output", folder])
    mean = statistics.mean(accuracies.values())
    print("| seed | test accuracy after 5 epochs |\n|---|---|")
    for seed, accuracy in accuracies.items():
        print(f"| {seed} | {accuracy:.2%} |")
    print(f"| mean | {mean:.2%} |")
    if mean < BAR:
        print(f"the mean is below {BAR:.1%}", file=sys.stderr)
    return int(mean < BAR)


if __name__ == "__main__":
    sys.exit(main())
