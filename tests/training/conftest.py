"""What the tests that train share."""

import pytest
import torch


@pytest.fixture
def empty_folder_and_one_thread(tmp_path, monkeypatch):
    """Run in an empty folder, on one thread: batches this small gain nothing from more."""
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
