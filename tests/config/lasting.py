"""A job whose first run never ends by itself, for tests that kill its worker."""

import os
import time
from pathlib import Path


def once_for_ever(begun: str, done: str) -> None:
    """The first time: say who runs it, and go on until killed. The next time: say that it is done."""
    try:
        with open(begun, "x") as file:
            file.write(str(os.getpid()))
    except FileExistsError:
        Path(done).touch()
        return
    time.sleep(50)  # less than a job may last
