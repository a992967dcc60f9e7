"""Waiting for a condition with a deadline: tests never sleep for a fixed time."""

import os
import time

# Under valgrind everything takes an order of magnitude longer.
SCALE = float(os.environ.get("KARIZ_TIME_SCALE", "1"))


def wait_until(condition, seconds=10, what=None, every=0.02):
    """Returns the first true value of condition(); AssertionError at the deadline."""
    deadline = time.monotonic() + seconds * SCALE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds * SCALE:g} s: {what or condition}")
        time.sleep(every)
