#!/usr/bin/env python3
"""Records what tqdm draws (Debian package python3-tqdm) as trainers use it, into *.err and *.out beside this file: the bytes that
a keeper reads. The tests read the recordings; this script is run only to make them anew, and needs no trainer: each function
does to tqdm what the named trainer's progress callback does.
"""

import contextlib
import pathlib
import sys
import time

from tqdm import tqdm

HERE = pathlib.Path(__file__).parent


@contextlib.contextmanager
def recorded(name):
    """stdout and stderr go to NAME.out and NAME.err; empty ones are removed."""
    with open(HERE / f"{name}.out", "w") as out, open(HERE / f"{name}.err", "w") as err:
        before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = out, err
        yield
        sys.stdout, sys.stderr = before
    for path in (HERE / f"{name}.out", HERE / f"{name}.err"):
        if path.stat().st_size == 0:
            path.unlink()


def bar(*args, **more):
    return tqdm(*args, file=sys.stderr, mininterval=0.02, **more)


def plain():
    for _ in bar(range(40)):
        time.sleep(0.01)


def hf_trainer():
    """Steps on a bar without words, metrics through tqdm.write, an evaluation's bar below it that is wiped away."""
    training = bar(total=60, dynamic_ncols=True)
    for step in range(1, 61):
        time.sleep(0.005)
        training.update(1)
        if step % 10 == 0:
            training.write(str({"loss": round(3.0 - step / 50, 4), "grad_norm": 1.5, "learning_rate": 4.5e-05, "epoch": step / 20}))
        if step % 20 == 0:
            evaluation = bar(total=7, leave=False, dynamic_ncols=True)
            for _ in range(7):
                time.sleep(0.01)
                evaluation.update(1)
            training.write(str({"eval_loss": 2.5, "eval_runtime": 1.0, "eval_samples_per_second": 7.0, "epoch": step / 20}))
            evaluation.close()
    training.write(str({"train_runtime": 1.2, "train_samples_per_second": 50.0, "train_steps_per_second": 50.0, "train_loss": 2.39, "epoch": 3.0}))
    training.close()


def epochs_named():
    """One bar an epoch, as in many hand-written loops."""
    for epoch in range(3):
        one = bar(range(20), desc=f"Epoch {epoch + 1}/3")
        for step in one:
            time.sleep(0.004)
            one.set_postfix(loss=f"{2.0 - epoch / 2 - step / 100:.3f}", lr="1.0e-04")


def epochs_unnamed():
    """The same without words, and an evaluation after each."""
    for _ in range(3):
        for _ in bar(range(20)):
            time.sleep(0.004)
        for _ in bar(range(5)):
            time.sleep(0.004)


def wiped_epochs():
    """A bar an epoch that goes away when it is full, often before it was drawn full."""
    for _ in range(3):
        for _ in bar(range(20), leave=False):
            time.sleep(0.006)


def lightning():
    """Lightning's own format, its sanity check and its validation."""
    shape = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}{postfix}]"
    for _ in bar(range(2), desc="Sanity Checking DataLoader 0", leave=False, bar_format=shape):
        time.sleep(0.01)
    for epoch in range(2):
        training = bar(total=30, desc=f"Epoch {epoch}", bar_format=shape)
        for step in range(30):
            time.sleep(0.004)
            training.update(1)
            training.set_postfix_str(f"v_num=0, train_loss={0.7 - epoch / 10 - step / 1000:.3f}")
        for _ in bar(range(6), desc="Validation DataLoader 0", leave=False, bar_format=shape):
            time.sleep(0.01)
        training.close()


def diffusers():
    steps = bar(range(30), desc="Steps")
    for step in steps:
        time.sleep(0.005)
        steps.set_postfix(lr=1e-05, step_loss=0.125 - step / 1000)


def not_training():
    """Bars that come before a training, or instead of it."""
    for _ in bar(range(20), desc="Loading checkpoint shards"):
        time.sleep(0.004)
    with bar(total=5000, desc="Map", unit=" examples") as mapping:
        for _ in range(10):
            time.sleep(0.01)
            mapping.update(500)
    with bar(total=4_000_000, desc="model.safetensors", unit="B", unit_scale=True) as download:
        for _ in range(10):
            time.sleep(0.01)
            download.update(400_000)
    for _ in bar(range(7), desc="Evaluating"):
        time.sleep(0.004)


for record in (plain, hf_trainer, epochs_named, epochs_unnamed, wiped_epochs, lightning, diffusers, not_training):
    with recorded(record.__name__):
        record()
