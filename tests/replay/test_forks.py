"""Forked children and threads that wait for each other: nothing hangs and nothing aborts.

Each case runs in a process of its own with a watchdog, so that a hang is a failure.
"""

import os
import subprocess
import sys
import textwrap

import pytest

TIMES = int(os.environ.get("FRAMERING_FORK_TESTS", "25"))
SECONDS = int(os.environ.get("FRAMERING_FORK_SECONDS", "60"))

PRELUDE = """
import itertools, os, signal, sys, threading, time
import numpy as np
from gymnasium import spaces
from framering import PrioritizedReplayBuffer, ReplayBuffer

TIMES = int(sys.argv[1])
KIND = {"uniform": ReplayBuffer, "prioritized": PrioritizedReplayBuffer}[sys.argv[2]]
signal.alarm(int(sys.argv[3]))  # ends a process that hangs; children set their own

def buffer_of(size=2000, shape=(4, 40, 40), **options):
    box = spaces.Box(0, 255, shape, np.uint8)
    return KIND(size, box, spaces.Discrete(4), **{"device": "numpy", "seed": 1, **options})

def add(buffer, steps=1):
    for step in range(steps):
        obs = np.full((1, *buffer.obs_shape), step % 256, np.uint8)
        buffer.add(obs, obs, np.array([1]), np.array([1.0]), np.array([False]), [{}])

def start(*targets):
    going = threading.Event()
    going.set()
    def repeat(target):
        while going.is_set():
            target()
    threads = [threading.Thread(target=repeat, args=(t,), daemon=True) for t in targets]
    for thread in threads:
        thread.start()
    def stop():
        going.clear()
        for thread in threads:
            thread.join()
    return stop

def forked(child):
    '''Run a function in a child; it must end by itself within twenty seconds.'''
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        try:
            child()
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    assert status == 0, f"the child ended with {os.waitstatus_to_exitcode(status)}"
"""


def run(code, kind="uniform"):
    script = PRELUDE + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(TIMES), kind, str(SECONDS)],
        stderr=subprocess.PIPE,
        text=True,
        timeout=SECONDS + 30,
    )
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stderr[-3000:]}"


kinds = pytest.mark.parametrize("kind", ["uniform", "prioritized"])


@kinds
def test_a_child_uses_a_buffer_that_threads_sampled_from_at_the_fork(kind):
    run(
        """
        buffer = buffer_of()
        add(buffer, 1500)
        stop = start(*[lambda: buffer.sample(64)] * 3, lambda: add(buffer))
        def child():
            assert len(buffer.sample(32).rewards) == 32
            size = buffer.pos
            add(buffer)
            assert buffer.pos == (size + 1) % buffer.buffer_size
            assert 0 < len(buffer) <= 2000 and buffer.size() > 0
            buffer.window()
            buffer.generator_state = buffer.generator_state
            globals().pop("buffer")
        for _ in range(TIMES):
            forked(child)
        stop()
        """,
        kind,
    )


@kinds
def test_a_child_goes_on_with_the_batches_that_it_inherits(kind):
    run(
        """
        buffer = buffer_of()
        add(buffer, 500)
        batches = buffer.batches(256)
        def child():
            for batch in itertools.islice(batches, 3):
                assert len(batch.rewards) == 256
            batches.close()
            assert len(next(buffer.batches(8)).rewards) == 8
        for _ in range(TIMES):
            next(batches)
            forked(child)
        """,
        kind,
    )


def test_a_grandchild_goes_on_with_the_batches_that_it_inherits():
    run(
        """
        buffer = buffer_of()
        add(buffer, 500)
        batches = buffer.batches(64)
        next(batches)
        def child():
            next(batches)
            forked(lambda: [next(batches) for _ in range(3)])
            next(batches)
        for _ in range(max(TIMES // 5, 1)):
            forked(child)
        """
    )


def test_a_child_repeats_the_batch_in_the_making_from_the_same_seed():
    run(
        """
        for _ in range(TIMES):
            buffer = buffer_of(seed=None)
            add(buffer, 100)
            np.random.seed(4)
            batches = buffer.batches(64)
            next(batches)
            read, write = os.pipe()
            def child():
                os.write(write, np.ascontiguousarray(next(batches).observations[:, 0, 0, 0]))
            forked(child)
            expected = next(batches).observations[:, 0, 0, 0].tobytes()
            assert os.read(read, 64) == expected
            os.close(read), os.close(write)
        """
    )


def test_a_child_of_a_large_rings_first_lap_ends_well():
    run(
        """
        def child(buffer):
            threading.Thread(target=lambda: None).start()
            add(buffer, 3)
            buffer.sample(4)
        for _ in range(TIMES):
            buffer = buffer_of(300_000, (4, 32, 32))
            assert buffer.ring.nbytes > 2**28
            add(buffer, 2)
            held = [buffer]
            del buffer
            def child():
                thread = threading.Thread(target=time.sleep, args=(0.01,))
                thread.start()
                add(held[0], 3)
                assert len(held[0].sample(4).rewards) == 4
                held.clear()
                thread.join()
            forked(child)
            held.clear()
        """
    )


@kinds
def test_loading_beside_threads_that_ask_for_the_length_goes_on(kind, tmp_path):
    run(
        f"""
        path = {str(tmp_path / "buffer")!r}
        buffer = buffer_of()
        add(buffer, 20)
        buffer.save(path)
        sys.setswitchinterval(1e-5)
        for _ in range(TIMES):
            loaded = buffer_of()
            stop = start(
                lambda: len(loaded),
                lambda: (loaded.size(), loaded.pos, loaded.full),
                lambda: loaded.generator_state,
                lambda: loaded.window(),
            )
            loaded.load(path)
            stop()
            assert len(loaded) == 20
        """,
        kind,
    )


@kinds
def test_all_calls_beside_each_other_go_on(kind, tmp_path):
    run(
        f"""
        path = {str(tmp_path / "buffer")!r}
        sys.setswitchinterval(1e-5)
        for _ in range(max(TIMES // 5, 1)):
            buffer = buffer_of(200)
            add(buffer, 50)
            calls = [
                lambda: buffer.sample(16),
                lambda: add(buffer),
                lambda: (len(buffer), buffer.size(), buffer.pos),
                lambda: buffer._sampler.dump(b""),
                lambda: setattr(buffer, "generator_state", (1, 2, 3, 4)),
            ]
            if KIND is PrioritizedReplayBuffer:
                def update():
                    batch = buffer.sample(8)
                    buffer.update_priorities(batch.indices, batch.rewards[:, 0])
                calls += [update, lambda: setattr(buffer, "alpha", 0.5)]
                calls += [lambda: buffer._sampler.priorities()]
            stop = start(*calls)
            time.sleep(0.1)
            stop()
        """,
        kind,
    )


def test_two_loads_at_once_leave_one_whole_buffer(tmp_path):
    run(
        f"""
        path = {str(tmp_path / "buffer")!r}
        buffer = buffer_of(3000)
        add(buffer, 2500)
        buffer.save(path)
        for _ in range(max(TIMES // 5, 1)):
            loaded = buffer_of(3000)
            errors = []
            def load():
                try:
                    loaded.load(path)
                except RuntimeError as error:
                    errors.append(str(error))
            threads = [threading.Thread(target=load) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(errors) == 2, errors
            assert len(loaded) == len(buffer) > 0
        """
    )
