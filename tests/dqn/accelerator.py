"""Run a learner on an accelerator that computes nothing, and print what left the device.

torch's builds for the CPU have no CUDA device, not even one that only tracks shapes, because
autograd asks for its driver. A device of torch's own making, "gpu", has what autograd needs, and
``FakeTensorMode`` keeps shapes, dtypes and devices of its tensors. Its name can be registered only
once in a process, so this is a program of its own: it prints a JSON object with a list of
operations for each case.
"""

import json
import sys
import warnings
from contextlib import contextmanager
from types import SimpleNamespace

import torch
import torch.utils.backend_registration as backend
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from framering.dqn import learner as learner_module
from framering.dqn.heads.expected import ExpectedHead
from framering.dqn.learner import Learner, greedy_actions
from framering.dqn.network import NetworkOptions, make_network

ROWS, ACTIONS = 8, 3
# Each waits for the device to end, to read a number or a size.
SYNCHRONISING = ("_local_scalar_dense", "nonzero", "masked_select", "equal", "unique")

CASES = {
    "dqn": ({}, {}),
    "dqn, double, dueling, augmented": (
        {"dueling": True, "layer_norm": True, "huber": True},
        {"double": True, "augment": True, "max_grad_norm": 10.0},
    ),
    "c51, noisy, dueling, double": (
        {"head": "c51", "noisy": True, "dueling": True},
        {"double": True, "max_grad_norm": 10.0},
    ),
    "qr-dqn, munchausen": ({"head": "qr-dqn", "n_quantiles": 5}, {"munchausen": True}),
    "iqn, noisy, munchausen, augmented": (
        {"head": "iqn", "noisy": True},
        {"munchausen": True, "augment": True},
    ),
    "iqn, double": ({"head": "iqn"}, {"double": True}),
    "impala": ({"architecture": "impala"}, {}),
}


class Backend(backend._DummyBackendModule):
    def get_amp_supported_dtype(self):
        return [torch.bfloat16]


class Generator(torch.Generator):
    """The CPU's generator, which says that it is the accelerator's."""

    @property
    def device(self):
        return torch.device("gpu")


class Watch(TorchDispatchMode):
    """Lists operations between the host and the device, and those that wait for the device."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        tensors = [one for one in tree_leaves((args, result)) if isinstance(one, torch.Tensor)]
        devices = {tensor.device.type for tensor in tensors}
        name = function.overloadpacket.__name__
        # Adam counts its steps on the host, where it isn't fused.
        if len(devices) > 1 or (name in SYNCHRONISING and devices != {"cpu"}):
            self.found.append(name)
        return result


@contextmanager
def watched():
    with Watch() as watch:
        yield watch.found


def batch():
    images = torch.zeros((ROWS, 4, 84, 84), dtype=torch.uint8)
    column = torch.zeros((ROWS, 1))
    return SimpleNamespace(
        observations=images,
        next_observations=images,
        actions=column.long(),
        rewards=column,
        dones=column,
        discounts=column,
        weights=column,
    )


def make_learner(network_options, learner_options):
    with torch.device("gpu"):
        network = make_network((4, 84, 84), ACTIONS, NetworkOptions(**network_options))
    # FakeTensor parameters can't be exchanged, and they are on the device.
    network.to = lambda *arguments, **options: network
    return Learner(
        network, learning_rate=0.1, gamma=0.9, device=torch.device("gpu"), **learner_options
    )


def operations_of_an_update(network_options, learner_options):
    learner = make_learner(network_options, learner_options)
    with torch.device("gpu"):
        drawn = batch()
    with watched() as found:
        results = learner.update(drawn)
        learner.update_target(0.5)
    on_device = [*results, *learner.q_network.parameters(), *learner.target_network.parameters()]
    assert {tensor.device.type for tensor in on_device} == {"gpu"}
    return found


def operations_of_acting():
    learner = make_learner({"head": "c51", "noisy": True}, {})
    observations = torch.zeros((2, 4, 84, 84), dtype=torch.uint8)
    # NumPy arrays hold numbers, which tensors here have none of.
    original = torch.from_numpy, torch.Tensor.numpy
    torch.from_numpy, torch.Tensor.numpy = lambda array: array, lambda tensor: tensor
    try:
        with watched() as found:
            greedy_actions(learner.q_network, observations)
    finally:
        torch.from_numpy, torch.Tensor.numpy = original
    return found


def operations_of_restoring():
    learner = make_learner({}, {})
    with torch.device("gpu"):
        drawn = batch()
    learner.update(drawn)
    state = learner.state_dict()
    with watched() as found:
        learner.load_state_dict(state)
    (moments,) = {
        (values["exp_avg"].device.type, values["exp_avg_sq"].device.type)
        for values in learner.optimizer.state.values()
    }
    assert moments == ("gpu", "gpu")
    return found


def broken(change):
    """Return the operations of an update with a fault in its loss."""
    plain = ExpectedHead.loss

    def loss(head, outputs, targets, fractions):
        change(targets)
        return plain(head, outputs, targets, fractions)

    ExpectedHead.loss = loss
    try:
        return operations_of_an_update({}, {})
    except Exception as error:
        return [type(error).__name__]
    finally:
        ExpectedHead.loss = plain


def main():
    warnings.simplefilter("ignore")
    make_network((4, 84, 84), ACTIONS, NetworkOptions())  # probes oneDNN with real numbers
    backend._setup_privateuseone_for_python_backend("gpu", backend_module=Backend())
    learner_module.Generator = lambda device: Generator()
    # A copied network's tensors belong to the same mode.
    FakeTensorMode.__deepcopy__ = lambda mode, memo: mode
    with FakeTensorMode():
        found = {name: operations_of_an_update(*options) for name, options in CASES.items()}
        found["acting"] = operations_of_acting()
        found["restoring"] = operations_of_restoring()
        found["broken: a number is read"] = broken(lambda targets: targets.sum().item())
        found["broken: a copy to the host"] = broken(lambda targets: targets.cpu())
        found["broken: a copy from the host"] = broken(lambda targets: torch.zeros(1).to("gpu"))
        found["broken: a tensor on the host"] = broken(lambda targets: targets + torch.zeros(8, 1))
        found["broken: a mask"] = broken(lambda targets: targets[targets > 0])
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
