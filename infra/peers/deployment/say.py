"""What is printed: a line for each thing that is checked."""

import time

BEGAN = time.monotonic()


class Failure(Exception):
    """A check that does not hold: what was expected, and what was found."""


def step(text):
    print(f"\n=== {text} ({time.monotonic() - BEGAN:.0f} s)", flush=True)


def note(text):
    print(f"    {text}", flush=True)


def check(what, found, expected=True):
    """Prints a check that holds.

    Raises `Failure` where what was found is not what was expected."""
    if found != expected:
        raise Failure(f"{what}: expected {shortened(expected)}, found {shortened(found)}")
    print(f"ok  {what}", flush=True)


def shortened(value):
    text = repr(value)
    return text if len(text) <= 600 else f"{text[:600]}…"
