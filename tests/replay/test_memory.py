"""How much memory a transition takes, measured from outside."""

import subprocess
import sys

FILL = """
import resource, sys
import numpy as np
from gymnasium import spaces
from framering import ReplayBuffer

def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()

transitions = int(sys.argv[1])
before = resident()
stacks = spaces.Box(0, 255, (4, 84, 84), np.uint8)
buffer = ReplayBuffer(transitions, stacks, spaces.Discrete(6), device="cpu")
obs = np.zeros((1, *stacks.shape), np.uint8)
action, reward, done, infos = np.zeros(1, np.int64), np.zeros(1), np.zeros(1, bool), [{}]
frames = np.random.default_rng(0).integers(0, 256, (64, 84, 84), np.uint8)
for step in range(transitions * 5 // 4):  # more than once around
    next_obs = np.concatenate([obs[:, 1:], frames[None, step % 64, None]], axis=1)
    buffer.add(obs, next_obs, action, reward, done, infos)
    obs = next_obs
assert buffer.size() == transitions
print(resident() - before)
"""


def test_a_transition_of_84x84_frames_takes_at_most_7_4_kib():
    transitions = 60_000
    found = subprocess.run(
        [sys.executable, "-c", FILL, str(transitions)],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert int(found.stdout.split()[-1]) / transitions <= 7.4 * 1024
