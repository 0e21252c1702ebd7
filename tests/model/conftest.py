import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Give torch one thread: on busy cores, several wait for each other 30 times as long as they work."""
    torch.set_num_threads(1)
