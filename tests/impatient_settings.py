"""The tests' settings with a queue that soon gives up on a worker: for processes that are killed in tests."""

from tests.settings import *  # noqa: F403
from tests.settings import Q_CLUSTER

Q_CLUSTER |= {"timeout": 8, "retry": 10}
