"""Recorded functions, with a recorder that needs no CUDA device."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from framering.dqn import learner as learner_module
from framering.dqn.capture import Captured, CudaGraph
from framering.dqn.learner import Learner
from framering.dqn.network import NetworkOptions, make_network

ROWS = 4


class Rerun:
    """A recorder that keeps a function, and calls it again to replay it.

    As in a graph, inputs and results have fixed addresses. What the recording itself changes is
    put back by `restore`, because a graph's recording changes nothing.
    """

    recorded = 0

    def __init__(self, save=lambda: None, restore=lambda saved: None):
        self._save, self._restore = save, restore

    def warm_up(self, function):
        return function()

    def record(self, function):
        Rerun.recorded += 1
        saved = self._save()
        self._function, self._results = function, function()
        self._restore(saved)
        return self._results

    def replay(self):
        for old, new in zip(leaves(self._results), leaves(self._function()), strict=True):
            old.copy_(new)


def leaves(results):
    results = [results] if isinstance(results, torch.Tensor) else results
    return [result for result in results if result is not None]


class Broken(Rerun):
    def record(self, function):
        raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nmore")


@pytest.fixture(autouse=True)
def count_from_zero():
    Rerun.recorded = 0


def no_warning(message):
    raise AssertionError(message)


def test_results_are_those_of_the_function_at_every_call():
    captured = Captured(lambda a, b: (a + b[0], None, a * 2), warn=no_warning, recorder=Rerun)
    inputs = [(torch.full((2,), float(n)), (torch.full((2,), n * 10.0), None)) for n in range(8)]

    results = [captured(*one) for one in inputs]

    for n, (total, nothing, double) in enumerate(results):
        assert total.tolist() == [n * 11.0] * 2
        assert nothing is None
        assert double.tolist() == [n * 2.0] * 2


def test_it_is_recorded_once_after_three_calls():
    calls = []
    captured = Captured(
        lambda a: (calls.append(torch.is_grad_enabled()), a + 1)[1], warn=no_warning, recorder=Rerun
    )
    for _ in range(3):
        captured(torch.zeros(1))
    assert (len(calls), Rerun.recorded) == (3, 0)
    for _ in range(5):
        captured(torch.zeros(1))
    assert Rerun.recorded == 1


def test_a_failing_recording_is_one_warning_and_no_lost_call():
    warnings = []
    captured = Captured(lambda a: a + 1, warn=warnings.append, recorder=Broken)

    assert [captured(torch.tensor(n)).item() for n in range(8)] == list(range(1, 9))
    assert warnings == [
        "recording a CUDA graph failed, continuing without it: "
        "CUDA error: operation not permitted when stream is capturing"
    ]


def test_an_error_of_the_function_is_raised():
    def fail(a):
        raise RuntimeError("no kernel")

    with pytest.raises(RuntimeError, match="no kernel"):
        Captured(fail, warn=no_warning, recorder=Rerun)(torch.zeros(1))


def batch(generator, prioritized):
    images = torch.randint(0, 256, (2, ROWS, 4, 36, 36), generator=generator, dtype=torch.uint8)
    return SimpleNamespace(
        observations=images[0],
        next_observations=images[1],
        actions=torch.randint(0, 3, (ROWS, 1), generator=generator),
        rewards=torch.randn((ROWS, 1), generator=generator),
        dones=torch.zeros((ROWS, 1)),
        discounts=torch.rand((ROWS, 1), generator=generator) if prioritized else None,
        **({"weights": torch.rand((ROWS, 1), generator=generator)} if prioritized else {}),
    )


def make_learner(options, **settings):
    torch.manual_seed(1)
    network = make_network((4, 36, 36), 3, NetworkOptions(architecture="data-efficient", **options))
    device = torch.device("cpu")
    return Learner(network, learning_rate=1e-3, gamma=0.9, device=device, seed=1, **settings)


@pytest.fixture
def captured_learner(monkeypatch):
    """A function that makes a learner whose graphs are functions that are called again."""

    def make(options, **settings):
        made = []

        def save():
            learner = made[0]
            return copy.deepcopy((learner.q_network.state_dict(), learner.optimizer.state_dict()))

        def restore(saved):
            learner = made[0]
            for old, new in zip(
                learner.q_network.state_dict().values(), saved[0].values(), strict=True
            ):
                old.copy_(new)
            for index, state in enumerate(learner.optimizer.state.values()):
                for name, value in state.items():
                    value.copy_(saved[1]["state"][index][name])

        monkeypatch.setattr(
            learner_module,
            "Captured",
            lambda function, warn: Captured(
                function, warn=no_warning, recorder=lambda: Rerun(save, restore)
            ),
        )
        # The CPU's Adam has no capturable form: its state is on the device anyway.
        monkeypatch.setattr(
            torch.optim,
            "Adam",
            lambda *a, capturable, original=torch.optim.Adam, **k: original(*a, **k),
        )
        made.append(make_learner(options, captured=True, **settings))
        return made[0]

    return make


CASES = [
    ({}, {}, False),
    ({"head": "c51", "noisy": True, "dueling": True}, {"double": True, "max_grad_norm": 1.0}, True),
    ({"head": "iqn"}, {"munchausen": True, "augment": True}, True),
]


@pytest.mark.parametrize(("options", "settings", "prioritized"), CASES)
def test_a_captured_learner_takes_the_steps_of_a_plain_one(
    options, settings, prioritized, captured_learner
):
    plain, captured = make_learner(options, **settings), captured_learner(options, **settings)
    generators = torch.Generator().manual_seed(2), torch.Generator().manual_seed(2)
    for step in range(10):
        expected, found = (
            learner.update(batch(generator, prioritized))
            for learner, generator in zip((plain, captured), generators, strict=True)
        )
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
        if step % 4 == 3:
            plain.update_target(1.0)
            captured.update_target(1.0)
        observations = np.full((2, 4, 36, 36), step, np.uint8)
        assert np.array_equal(
            plain.greedy_actions(observations), captured.greedy_actions(observations)
        )
    for ours, theirs in zip(
        captured.q_network.parameters(), plain.q_network.parameters(), strict=True
    ):
        assert torch.equal(ours, theirs)


def test_a_restored_state_is_recorded_anew(captured_learner):
    generator = torch.Generator().manual_seed(2)
    captured = captured_learner({})
    for _ in range(5):
        captured.update(batch(generator, False))
    assert Rerun.recorded == 1

    captured.load_state_dict(captured.state_dict())
    for _ in range(4):
        captured.update(batch(generator, False))

    assert Rerun.recorded == 2


@pytest.mark.cuda
@pytest.mark.parametrize(("options", "settings", "prioritized"), CASES)
def test_on_cuda_a_captured_learner_takes_the_steps_of_a_plain_one(
    options, settings, prioritized, monkeypatch
):
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    device = torch.device("cuda")
    results = []
    for captured in (False, True):
        torch.manual_seed(1)
        network = make_network((4, 84, 84), 3, NetworkOptions(**options))
        learner = Learner(
            network, learning_rate=1e-4, gamma=0.9, device=device, captured=captured, **settings
        )
        generator = torch.Generator().manual_seed(2)
        for _ in range(8):
            images = torch.randint(
                0, 256, (2, ROWS, 4, 84, 84), generator=generator, dtype=torch.uint8
            )
            drawn = vars(batch(generator, prioritized))
            drawn |= {"observations": images[0], "next_observations": images[1]}
            moved = {k: v if v is None else v.to(device) for k, v in drawn.items()}
            result = learner.update(SimpleNamespace(**moved))
        results.append(result)
    torch.testing.assert_close(results[1], results[0], rtol=1e-3, atol=1e-4)


@pytest.mark.cuda
def test_a_graph_of_cuda_replays_with_new_inputs():
    captured = Captured(lambda a: a * 2, warn=no_warning, recorder=CudaGraph)
    found = [captured(torch.full((3,), float(n), device="cuda")).tolist() for n in range(8)]
    assert found == [[2.0 * n] * 3 for n in range(8)]
