"""Train a small CNN to read handwritten digits, and show what it learned.

    python examples/digits.py                       the UCI digits, 8x8, embedded in dlcore
    python examples/digits.py --dataset mnist       MNIST, 28x28, with LeNet-5
    DLCORE_DEVICE=cuda python examples/digits.py    the same on a GPU

It trains with a progress bar, measures the accuracy on digits it has never seen, writes a checkpoint,
the curves of loss and accuracy, and a picture of every digit it got wrong, and reads the checkpoint
back to see that nothing was lost.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

import dlcore as dl
import dlcore.nn.functional as F
from dlcore import nn

plt.switch_backend("Agg")  # pictures go into files, so no display is needed


def small_cnn() -> nn.Sequential:
    """For 8x8 images: (N, 1, 8, 8) -> (N, 10)."""
    return nn.Sequential(
        nn.Conv2d(1, 24, 3, padding=1),  # (N, 24, 8, 8)
        nn.ReLU(),
        nn.Conv2d(24, 48, 3, padding=1),  # (N, 48, 8, 8)
        nn.ReLU(),
        nn.MaxPool2d(2),  # (N, 48, 4, 4)
        nn.Conv2d(48, 48, 3, padding=1),  # (N, 48, 4, 4)
        nn.ReLU(),
        nn.Dropout(0.4),
        nn.Flatten(),  # (N, 768)
        nn.Linear(768, 96),
        nn.ReLU(),
        nn.Dropout(0.4),
        nn.Linear(96, 10),
    )


def lenet5() -> nn.Sequential:
    """LeCun, Bottou, Bengio, Haffner, 1998, with ReLU and max pooling: (N, 1, 28, 28) -> (N, 10)."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),  # (N, 6, 28, 28)
        nn.ReLU(),
        nn.MaxPool2d(2),  # (N, 6, 14, 14)
        nn.Conv2d(6, 16, 5),  # (N, 16, 10, 10)
        nn.ReLU(),
        nn.MaxPool2d(2),  # (N, 16, 5, 5)
        nn.Flatten(),  # (N, 400)
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


def train_epoch(
    model: nn.Module, loader: dl.data.DataLoader, optimizer: dl.optim.Optimizer, title: str
) -> tuple[float, float]:
    """One pass over the training data; returns the mean loss and the accuracy while training."""
    model.train()
    total_loss = correct = seen = 0.0
    started = time.perf_counter()
    bar = tqdm(loader, desc=title, unit="batch", leave=True)
    for images, labels in bar:
        optimizer.zero_grad()
        logits = model(images)
        loss = F.cross_entropy(logits, labels)
        loss.backward()
        optimizer.step()

        seen += len(labels)
        total_loss += loss.item() * len(labels)
        correct += (logits.numpy().argmax(axis=1) == labels.numpy()).sum()
        rate = seen / (time.perf_counter() - started)
        bar.set_postfix_str(f"loss {total_loss / seen:.4f}, accuracy {correct / seen:.2%}, {rate:,.0f} images/s")
    return total_loss / seen, correct / seen


@dl.no_grad()
def predict(model: nn.Module, dataset: dl.data.TensorDataset, batch_size: int = 1000) -> np.ndarray:
    """The logits for a whole data set, (N, 10)."""
    model.eval()
    loader = dl.data.DataLoader(dataset, batch_size=batch_size)
    return np.concatenate([model(images).numpy() for images, _ in loader])


def evaluate(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Mean loss and accuracy of logits (N, 10) against labels (N,)."""
    loss = F.cross_entropy(dl.tensor(logits), dl.tensor(labels)).item()
    return loss, float((logits.argmax(axis=1) == labels).mean())


def draw_curves(history: dict[str, list[float]], path: Path) -> None:
    epochs = range(1, len(history["loss"]) + 1)
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axis, name in zip(axes, ("loss", "accuracy"), strict=True):
        axis.plot(epochs, history[name], marker="o", markersize=3, label="training")
        axis.plot(epochs, history[f"held-out {name}"], marker="s", markersize=3, linestyle="--", label="held-out")
        axis.set(xlabel="epoch", ylabel=name, title=f"{name.capitalize()} per epoch")
        axis.grid(alpha=0.3)
        axis.legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_mistakes(images: np.ndarray, labels: np.ndarray, logits: np.ndarray, path: Path, most: int = 40) -> int:
    """Every misclassified image (at most `most`) with what it is and what was read; returns how many there are."""
    read = logits.argmax(axis=1)
    wrong = np.flatnonzero(read != labels)
    shown = wrong[:most]
    columns = min(8, max(1, len(shown)))
    rows = max(1, -(-len(shown) // columns))
    figure, axes = plt.subplots(
        rows, columns, figsize=(max(4.5, 1.3 * columns), 1.6 * rows + 0.6), layout="constrained", squeeze=False
    )
    for axis in axes.flat:
        axis.axis("off")
    for axis, i in zip(axes.flat, shown, strict=False):
        axis.imshow(images[i, 0], cmap="gray_r")
        axis.set_title(f"{labels[i]} read as {read[i]}", fontsize=8)
    note = "" if len(shown) == len(wrong) else f", {len(shown)} shown"
    figure.suptitle(f"{len(wrong)} of {len(labels)} held-out digits misread{note}", fontsize=10)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return len(wrong)


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def main(arguments: list[str] | None = None) -> float:
    """Run the whole example; returns the accuracy on the held-out digits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", choices=("digits", "mnist"), default="digits", help="what to read (%(default)s)")
    parser.add_argument("--device", help="a dlcore device (default: DLCORE_DEVICE, else cpu)")
    parser.add_argument("--epochs", type=positive, help="passes over the data (default: 30 for digits, 5 for mnist)")
    parser.add_argument("--batch-size", type=positive, default=64, help="images per step (%(default)s)")
    parser.add_argument("--lr", type=float, default=2e-3, help="learning rate of Adam in the first epoch (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same weights (%(default)s)")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "output", help="folder for the results")
    options = parser.parse_args(arguments)
    epochs = options.epochs or {"digits": 30, "mnist": 5}[options.dataset]

    if options.device:
        dl.set_device(options.device)
    dl.manual_seed(options.seed)
    load = {"digits": dl.data.digits, "mnist": dl.data.mnist}[options.dataset]
    training, held_out = load(train=True), load(train=False)
    options.output.mkdir(parents=True, exist_ok=True)  # if that fails, then before the work
    model = {"digits": small_cnn, "mnist": lenet5}[options.dataset]()
    parameters = sum(parameter.size for parameter in model.parameters())
    print(f"{options.dataset} on {dl.current_device()}: {len(training)} images to train on, {len(held_out)} held out")
    print(f"{model}\n{parameters:,} parameters")

    loader = dl.data.DataLoader(training, batch_size=options.batch_size, shuffle=True)
    optimizer = dl.optim.Adam(model.parameters(), lr=options.lr)
    images, labels = (tensor.numpy() for tensor in held_out.tensors)
    history: dict[str, list[float]] = {"loss": [], "accuracy": [], "held-out loss": [], "held-out accuracy": []}
    started = time.perf_counter()
    for epoch in range(1, epochs + 1):
        # the rate falls from lr to nearly 0 in half a cosine
        optimizer.param_groups[0]["lr"] = options.lr * 0.5 * (1 + np.cos(np.pi * (epoch - 1) / epochs))
        loss, accuracy = train_epoch(model, loader, optimizer, f"epoch {epoch:>{len(str(epochs))}}/{epochs}")
        held_out_loss, held_out_accuracy = evaluate(predict(model, held_out), labels)
        for name, value in zip(history, (loss, accuracy, held_out_loss, held_out_accuracy), strict=True):
            history[name].append(float(value))
    print(f"trained {epochs} epochs in {time.perf_counter() - started:.1f} s")

    logits = predict(model, held_out)
    loss, accuracy = evaluate(logits, labels)
    print(f"held-out accuracy {accuracy:.2%}, loss {loss:.4f}")

    checkpoint = options.output / f"{options.dataset}.safetensors"
    dl.save(model.state_dict(), checkpoint, metadata={"dataset": options.dataset, "seed": str(options.seed)})
    restored = {"digits": small_cnn, "mnist": lenet5}[options.dataset]()
    restored.load_state_dict(dl.load(checkpoint))
    _, again = evaluate(predict(restored, held_out), labels)
    print(f"checkpoint {checkpoint}: reloaded, held-out accuracy {again:.2%}")
    if again != accuracy:
        raise SystemExit(f"the reloaded model differs: {again:.4%} instead of {accuracy:.4%}")

    curves, mistakes = (options.output / f"{options.dataset}-{kind}.png" for kind in ("curves", "mistakes"))
    draw_curves(history, curves)
    wrong = draw_mistakes(images, labels, logits, mistakes)
    print(f"curves {curves}\n{wrong} misread digits {mistakes}")
    return accuracy


if __name__ == "__main__":
    main()
