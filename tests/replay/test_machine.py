"""ReplayBuffer against a plain list of transitions, over random schedules of its methods."""

import pickle
from dataclasses import dataclass, field

import hypothesis.strategies as st
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from framering import ReplayBuffer

K = 4
SHAPE = (K, 4, 4)
LANES = 2


@dataclass
class Lane:
    """One environment: its transitions, and the stack that the next one starts from."""

    stack: list[int]
    transitions: list[tuple] = field(default_factory=list)
    arrivals: list[int] = field(default_factory=list)


def array(stack: list[int]) -> np.ndarray:
    """Return frames of one value each; few values, so that frames are often equal by chance."""
    return np.broadcast_to(np.array(stack, np.uint8)[:, None, None], SHAPE)


frames = st.integers(0, 2)
stacks = st.lists(frames, min_size=K, max_size=K)


class ReplayMachine(RuleBasedStateMachine):
    @initialize(capacity=st.integers(1, 12), n_step=st.integers(1, 4))
    def create(self, capacity, n_step):
        self.n_step = n_step
        self.buffer = ReplayBuffer(
            capacity * LANES,
            spaces.Box(0, 255, SHAPE, np.uint8),
            spaces.Discrete(1000),
            device="cpu",
            n_envs=LANES,
            n_step=n_step,
            gamma=0.5,
            frame_stack=K,
        )
        self.lanes = [Lane([0] * K) for _ in range(LANES)]
        self.count = 0

    def add(self, next_stacks, dones=(False, False), timeouts=(False, False)):
        self.count += 1
        rows = [
            (list(lane.stack), list(next_stack), self.count % 1000, self.count % 7, done, timeout)
            for lane, next_stack, done, timeout in zip(
                self.lanes, next_stacks, dones, timeouts, strict=True
            )
        ]
        obs, next_obs, action, reward, done, timeout = zip(*rows, strict=True)
        self.buffer.add(
            np.array([array(stack) for stack in obs]),
            np.array([array(stack) for stack in next_obs]),
            np.array(action),
            np.array(reward, np.float64),
            np.array(done),
            [{"TimeLimit.truncated": flag} for flag in timeout],
        )
        for lane, row, published in zip(
            self.lanes, rows, self.buffer.ring.published(), strict=True
        ):
            lane.transitions.append(row)
            lane.arrivals.append(int(published) - 1)
            lane.stack = row[1]

    @rule(new=st.tuples(frames, frames), number=st.integers(1, 4))
    def go_on(self, new, number):
        for _ in range(number):
            self.add(
                [[*lane.stack[1:], frame] for lane, frame in zip(self.lanes, new, strict=True)]
            )

    @rule(frame=frames, padding=st.sampled_from(["repeat", "zeros"]), lane=st.integers(0, 1))
    def reset_one(self, frame, padding, lane):
        self.lanes[lane].stack = [frame if padding == "repeat" else 0] * (K - 1) + [frame]

    @rule(new=frames, done=st.booleans(), timeout=st.booleans(), then=stacks)
    def end(self, new, done, timeout, then):
        next_stacks = [[*lane.stack[1:], new] for lane in self.lanes]
        self.add(next_stacks, (done, False), (timeout, False))
        self.lanes[0].stack = then

    @rule(first=stacks, second=stacks)
    def jump(self, first, second):
        self.add([first, second])

    @rule(first=stacks)
    def start_anywhere(self, first):
        self.lanes[1].stack = first

    @rule()
    def forget(self):
        self.buffer.reset()
        for lane in self.lanes:
            lane.transitions.clear()
            lane.arrivals.clear()

    @rule()
    def save_and_load(self):
        self.buffer = pickle.loads(pickle.dumps(self.buffer))

    @invariant()
    def the_newest_transitions_are_kept(self):
        window = self.buffer._sampler.window(0)
        for index, (lane, count, bounds) in enumerate(
            zip(self.lanes, window.counts(), window.bounds(), strict=True)
        ):
            published = int(self.buffer.ring.published()[index])
            whole = [
                slot
                for slot in lane.arrivals
                if slot >= published - (self.buffer.ring.slots - 2 * K)
            ]
            kept = min(len(whole), self.buffer.buffer_size)
            assert count == kept
            places = [[index, slot] for slot in lane.arrivals[len(lane.arrivals) - kept :]]
            assert all(bounds[0] <= slot < bounds[1] for _, slot in places)
            if kept:
                first = len(lane.transitions) - kept
                expected = [
                    n_step_return(lane.transitions[i:], self.n_step)
                    for i in range(first, len(lane.transitions))
                ]
                self.check(self.buffer._sampler.fetch(np.array(places), True), expected)

    def check(self, batch, expected):
        obs, next_obs, actions = batch.observations, batch.next_observations, batch.actions
        dones, rewards, discounts = batch.dones, batch.rewards, batch.discounts
        want = list(zip(*expected, strict=True))
        np.testing.assert_array_equal(obs, [array(stack) for stack in want[0]])
        np.testing.assert_array_equal(next_obs, [array(stack) for stack in want[1]])
        np.testing.assert_array_equal(actions[:, 0], want[2])
        np.testing.assert_array_equal(rewards[:, 0], want[3])
        np.testing.assert_array_equal(dones[:, 0], want[4])
        if discounts is None:
            assert self.n_step == 1
        else:
            np.testing.assert_array_equal(discounts[:, 0], want[5])

    @invariant()
    def samples_are_kept_transitions(self):
        if len(self.buffer) == 0:
            with pytest.raises(ValueError, match="no transition"):
                self.buffer.sample(1)
            return
        batch = self.buffer.sample(5)
        actions = {row[2] for lane in self.lanes for row in lane.transitions}
        assert set(batch.actions.flatten().tolist()) <= actions


def n_step_return(transitions, n_step):
    """Return (obs, next_obs, action, reward, terminated, discount), as in Sutton and Barto."""
    obs, next_obs, action, reward, done, timeout = transitions[0]
    total, discount = float(reward), 0.5
    for following in transitions[1:n_step]:
        if done or timeout or following[0] != next_obs:
            break
        _, next_obs, _, reward, done, timeout = following
        total += discount * reward
        discount *= 0.5
    return obs, next_obs, action, total, done and not timeout, discount


ReplayMachine.TestCase.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, derandomize=True
)
TestReplay = ReplayMachine.TestCase
