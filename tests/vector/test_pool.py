"""AtariVectorEnv with worker processes: the same games, and their faults."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest

from framering import AtariVectorEnv, ReplayBuffer
from framering.vector.pool import WorkerError

BREAKOUT = "BreakoutNoFrameskip-v4"


def play(envs: AtariVectorEnv, steps: int) -> Iterator[Any]:
    draws = np.random.default_rng(1)
    yield envs.reset(seed=3)
    for _ in range(steps):
        yield envs.step(draws.integers(envs.single_action_space.n, size=envs.num_envs))


def assert_equal(one: Any, other: Any) -> None:
    """Compare nested results; wall-clock times are left out."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one.keys() - {"t"}:
            assert_equal(one[key], other[key])
    elif isinstance(one, tuple) or (isinstance(one, np.ndarray) and one.dtype == object):
        assert len(one) == len(other)
        for mine, theirs in zip(one, other, strict=True):
            assert_equal(mine, theirs)
    else:
        np.testing.assert_array_equal(one, other)


def worker_ids(envs: AtariVectorEnv) -> list[int]:
    return [process.pid for process in envs._lanes._processes]


def kill(worker: int) -> None:
    os.kill(worker, signal.SIGKILL)


def is_alive(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_trajectories_do_not_depend_on_the_number_of_workers(mode: str) -> None:
    plays = []
    for num_workers in (0, 1, 2, 5):
        envs = AtariVectorEnv(BREAKOUT, 5, num_workers, autoreset_mode=mode)
        plays.append(list(play(envs, 80)))
        envs.close()
    assert any(step[2].any() for step in plays[0][1:])
    for other in plays[1:]:
        assert_equal(tuple(plays[0]), tuple(other))


def test_workers_write_into_the_replay_buffer() -> None:
    def collect(num_workers: int, shared: bool) -> Any:
        space = gymnasium.spaces.Box(0, 255, (4, 84, 84), np.uint8)
        replay = ReplayBuffer(
            600, space, gymnasium.spaces.Discrete(4), "cpu", n_envs=3, seed=0, shared=shared
        )
        envs = AtariVectorEnv(BREAKOUT, 3, num_workers, replay=replay, autoreset_mode="SameStep")
        list(play(envs, 80))
        envs.close()
        return replay.sample(200)

    for here, there in zip(collect(0, False)[:5], collect(2, True)[:5], strict=True):
        assert here.equal(there)


def test_a_replay_buffer_in_private_memory_is_refused() -> None:
    space = gymnasium.spaces.Box(0, 255, (4, 84, 84), np.uint8)
    replay = ReplayBuffer(100, space, gymnasium.spaces.Discrete(4), "cpu", n_envs=2)
    with pytest.raises(ValueError, match="make it with shared=True"):
        AtariVectorEnv(BREAKOUT, 2, 2, replay=replay)


def test_by_default_the_caller_and_workers_share_the_games(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2})
    for num_envs, num_workers in ((1, 0), (2, 1), (7, 2)):
        envs = AtariVectorEnv(BREAKOUT, num_envs)
        assert envs.num_workers == num_workers
        alone = AtariVectorEnv(BREAKOUT, num_envs, 0)
        assert_equal(tuple(play(envs, 40)), tuple(play(alone, 40)))
        envs.close()


def test_more_workers_than_games_are_refused() -> None:
    for wrong in (-1, 3):
        with pytest.raises(ValueError, match=r"num_workers must lie in \[0, 2\]"):
            AtariVectorEnv(BREAKOUT, 2, wrong)


def test_the_caller_is_free_between_send_and_recv() -> None:
    envs = AtariVectorEnv(BREAKOUT, 2, 2)
    envs.reset(seed=0)
    before = envs._ring.published()
    envs.send(np.zeros(2, int))
    # The workers finish without anybody waiting for them.
    assert eventually(lambda: (envs._ring.published() == before + 1).all())
    assert envs.recv()[0].shape == (2, 4, 84, 84)
    envs.close()


def test_a_partial_reset_leaves_the_other_games_alone() -> None:
    local = AtariVectorEnv(BREAKOUT, 4, 0)
    envs = AtariVectorEnv(BREAKOUT, 4, 2)
    mask = np.array([True, False, False, True])
    for one in (local, envs):
        list(play(one, 20))
    options = {"reset_mask": mask}
    assert_equal(envs.reset(seed=9, options=options), local.reset(seed=9, options=options))
    assert_equal(envs.step(np.ones(4, int)), local.step(np.ones(4, int)))
    envs.close()


def test_workers_render() -> None:
    local = AtariVectorEnv(BREAKOUT, 3, 0, render_mode="rgb_array")
    envs = AtariVectorEnv(BREAKOUT, 3, 2, render_mode="rgb_array")
    for one in (local, envs):
        list(play(one, 10))
    assert_equal(envs.render(), local.render())
    assert_equal(envs.step(np.ones(3, int)), local.step(np.ones(3, int)))
    envs.close()


def test_idle_workers_sleep() -> None:
    envs = AtariVectorEnv(BREAKOUT, 2, 2)
    envs.reset()

    def nanoseconds_on_a_core() -> int:
        times = []
        for worker in worker_ids(envs):
            with open(f"/proc/{worker}/schedstat") as schedstat:
                times.append(int(schedstat.read().split()[0]))
        return sum(times)

    time.sleep(0.1)
    before = nanoseconds_on_a_core()
    time.sleep(1.0)
    assert nanoseconds_on_a_core() - before < 50e6
    envs.close()


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_a_killed_worker_is_replaced_and_reported(mode: str) -> None:
    envs = AtariVectorEnv(BREAKOUT, 4, 2, autoreset_mode=mode)
    alone = AtariVectorEnv(BREAKOUT, 4, 0, autoreset_mode=mode)
    for one in (envs, alone):
        list(play(one, 30))
    last = envs._observations.copy()
    kill(worker_ids(envs)[0])
    actions = np.array([1, 2, 3, 2])
    with pytest.warns(RuntimeWarning, match=r"worker 0 \(games 0 to 1 of breakout\) was killed by"):
        observations, rewards, terminations, truncations, infos = envs.step(actions)
    expected = alone.step(actions)
    # The dead worker's games are cut short; the others never noticed.
    np.testing.assert_array_equal(infos["worker_restarted"], [True, True, False, False])
    np.testing.assert_array_equal(infos["_worker_restarted"], [True, True, False, False])
    assert truncations[:2].all()
    assert not terminations[:2].any()
    assert (rewards[:2] == 0).all()
    assert (observations[:2] == observations[:2, :1]).all()
    if mode == "SameStep":
        np.testing.assert_array_equal(np.stack(infos["final_obs"][:2]), last[:2])
    for step in range(50):
        np.testing.assert_array_equal(observations[2:], expected[0][2:])
        actions = np.array([step % 4] * 4)
        (observations, *_, infos), expected = envs.step(actions), alone.step(actions)
        assert "worker_restarted" not in infos
    envs.close()


def test_a_worker_that_dies_within_a_step_is_noticed_within_a_second() -> None:
    envs = AtariVectorEnv(BREAKOUT, 2, 1)
    envs.reset()
    victim = worker_ids(envs)[0]
    os.kill(victim, signal.SIGSTOP)
    envs.send(np.zeros(2, int))
    kill(victim)
    noticed = []

    def notice(worker: int) -> None:
        noticed.append(time.monotonic())
        replace(worker)

    replace, envs._lanes._replace = envs._lanes._replace, notice
    begin = time.monotonic()
    with pytest.warns(RuntimeWarning, match="killed by SIGKILL"):
        envs.recv()
    assert noticed[0] - begin < 1.0
    envs.close()


def test_a_seeded_reset_survives_a_dead_worker() -> None:
    envs = AtariVectorEnv(BREAKOUT, 2, 2)
    expected = envs.reset(seed=5)
    kill(worker_ids(envs)[1])
    with pytest.warns(RuntimeWarning, match="killed by SIGKILL"):
        again = envs.reset(seed=5)
    np.testing.assert_array_equal(again[0], expected[0])
    assert "worker_restarted" not in envs.step(np.zeros(2, int))[-1]
    envs.close()


def test_a_death_while_rendering_is_told_at_the_next_step() -> None:
    envs = AtariVectorEnv(BREAKOUT, 2, 2, render_mode="rgb_array")
    envs.reset()
    kill(worker_ids(envs)[1])
    with pytest.warns(RuntimeWarning, match="killed by SIGKILL"):
        screens = envs.render()
    assert all(screen.any() for screen in screens)
    *_, truncations, infos = envs.step(np.zeros(2, int))
    np.testing.assert_array_equal(truncations, [False, True])
    np.testing.assert_array_equal(infos["worker_restarted"], [False, True])
    envs.close()


def test_workers_that_keep_dying_are_an_error_that_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    envs = AtariVectorEnv(BREAKOUT, 2, 2)
    envs.reset()
    monkeypatch.setenv("ALE_ROMS_DIR", "/nowhere")
    kill(worker_ids(envs)[1])
    with (
        pytest.warns(RuntimeWarning),
        pytest.raises(WorkerError, match=r"(?s)game 1 of breakout.*NotADirectoryError.*/nowhere"),
    ):
        envs.step(np.zeros(2, int))
    with pytest.raises(WorkerError, match="5 times in a row"):
        envs.recv()
    assert not any(is_alive(worker) for worker in worker_ids(envs))
    envs.close()


@pytest.mark.parametrize("call", ["reset", "step", "render"])
def test_what_ctrl_c_interrupts_can_go_on(call: str) -> None:
    envs = AtariVectorEnv(BREAKOUT, 2, 2, render_mode="rgb_array")
    alone = AtariVectorEnv(BREAKOUT, 2, 0)
    actions = np.ones(2, int)
    for one in (envs, alone):
        list(play(one, 10))
    os.kill(worker_ids(envs)[0], signal.SIGSTOP)
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        {"reset": envs.reset, "step": lambda: envs.step(actions), "render": envs.render}[call]()
    os.kill(worker_ids(envs)[0], signal.SIGCONT)
    if call == "step":
        assert_equal(envs.recv(), alone.step(actions))
    elif call == "reset":
        assert_equal(envs.reset(seed=4), alone.reset(seed=4))
    assert_equal(envs.step(actions), alone.step(actions))
    envs.close()


@pytest.mark.parametrize("num_workers", [0, None])
def test_a_game_that_ctrl_c_cuts_short_in_the_calling_process_begins_anew(
    num_workers: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    envs = AtariVectorEnv(BREAKOUT, 4, num_workers, order="gymnasium")
    alone = AtariVectorEnv(BREAKOUT, 4, 0, order="gymnasium")
    actions = np.ones(4, int)
    for one in (envs, alone):
        list(play(one, 10))
    lanes = envs._lanes._lanes if num_workers == 0 else envs._lanes._own._lanes
    observe = lanes[1]._emulator._skip.observe

    def interrupt(out: Any) -> None:
        monkeypatch.setattr(lanes[1]._emulator._skip, "observe", observe)
        raise KeyboardInterrupt

    monkeypatch.setattr(lanes[1]._emulator._skip, "observe", interrupt)
    with pytest.raises(KeyboardInterrupt):
        envs.step(actions)
    observations, _, _, truncations, infos = envs.recv()
    expected = alone.step(actions)[0]
    others = np.array([True, False, True, True])
    np.testing.assert_array_equal(infos["worker_restarted"], ~others)
    np.testing.assert_array_equal(truncations, ~others)
    np.testing.assert_array_equal(observations[others], expected[others])
    assert (observations[1] == observations[1, :1]).all()
    assert "worker_restarted" not in envs.step(actions)[-1]
    envs.close()


def run(script: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


STEP_FOR_A_MINUTE = """
    import time

    import numpy as np
    from framering import AtariVectorEnv

    envs = AtariVectorEnv("BreakoutNoFrameskip-v4", 4, 2)
    envs.reset()
    print(*[process.pid for process in envs._lanes._processes], flush=True)
    # Not forever: a test run that is killed leaves nobody to end this.
    until = time.monotonic() + 60
    while time.monotonic() < until:
        envs.step(np.zeros(4, int))
"""


def workers_of(parent: "subprocess.Popen[str]") -> list[int]:
    """Read the line of worker ids; a rebuild of an editable install prints others before it."""
    assert parent.stdout is not None
    for line in parent.stdout:
        words = line.split()
        if words and all(word.isdigit() for word in words):
            return [int(word) for word in words]
    raise AssertionError(parent.communicate())


def test_no_worker_survives_its_parent() -> None:
    parent = run(STEP_FOR_A_MINUTE)
    workers = workers_of(parent)
    assert all(is_alive(worker) for worker in workers)
    parent.kill()
    parent.communicate()
    assert eventually(lambda: not any(is_alive(worker) for worker in workers), 1.0)


def test_a_busy_process_ends_with_its_parent_too() -> None:
    parent = run("""
        import os
        import subprocess
        import sys

        code = "import sys, time; from framering import _core; "
        code += "_core.exit_with_parent(int(sys.argv[1])); print(os.getpid(), flush=True); "
        code += "time.sleep(60)"
        subprocess.run([sys.executable, "-c", "import os; " + code, str(os.getpid())])
    """)
    children = workers_of(parent)
    assert len(children) == 1
    parent.kill()
    assert eventually(lambda: not is_alive(children[0]), 1.0)
    parent.communicate()


def test_a_process_whose_parent_has_gone_already_ends_at_once() -> None:
    orphan = run("from framering import _core; _core.exit_with_parent(1 << 21); print('here')")
    output, _ = orphan.communicate(timeout=60)
    assert "here" not in output
    assert orphan.returncode == 1


def test_ctrl_c_is_one_clean_exit() -> None:
    parent = run(STEP_FOR_A_MINUTE)
    workers = workers_of(parent)
    # Workers are in no terminal's foreground group, and would not answer if they were.
    for worker in workers:
        assert os.getpgid(worker) != os.getpgid(parent.pid)
        os.kill(worker, signal.SIGINT)
    time.sleep(0.5)
    assert all(is_alive(worker) for worker in workers)
    os.kill(parent.pid, signal.SIGINT)
    _, errors = parent.communicate(timeout=20)
    assert errors.count("Traceback") == 1
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert eventually(lambda: not any(is_alive(worker) for worker in workers), 1.0)


def test_workers_outlive_the_thread_that_started_them() -> None:
    parent = run("""
        import threading
        import numpy as np
        from framering import AtariVectorEnv

        made = []
        maker = threading.Thread(
            target=lambda: made.append(AtariVectorEnv("BreakoutNoFrameskip-v4", 2, 2))
        )
        maker.start()
        maker.join()
        envs = made[0]
        envs.reset()
        for _ in range(20):
            *_, infos = envs.step(np.zeros(2, int))
            assert "worker_restarted" not in infos
        print("1")
    """)
    output, errors = parent.communicate(timeout=60)
    assert parent.returncode == 0, errors
    assert output.split()[-1] == "1"
    assert "Warning" not in errors


def test_a_fork_of_the_parent_leaves_the_workers_alone() -> None:
    parent = run("""
        import os
        import sys
        import numpy as np
        from framering import AtariVectorEnv

        envs = AtariVectorEnv("BreakoutNoFrameskip-v4", 2, 2)
        envs.reset()
        child = os.fork()
        if child == 0:
            envs.close()
            sys.exit(0)
        os.waitpid(child, 0)
        *_, infos = envs.step(np.zeros(2, int))
        assert "worker_restarted" not in infos
    """)
    _, errors = parent.communicate(timeout=60)
    assert parent.returncode == 0, errors
    assert "Warning" not in errors


def descriptors() -> list[str]:
    links = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    # One of them was the descriptor of the listing itself.
    return sorted(os.readlink(link) for link in links if os.path.lexists(link))


def shared_mappings() -> int:
    with open("/proc/self/maps") as maps:
        return sum("framering" in line and "memfd" in line for line in maps)


def children() -> str:
    with open(f"/proc/self/task/{os.getpid()}/children") as ids:
        return ids.read()


@pytest.mark.parametrize("by", ["close", "garbage collection"])
def test_nothing_is_left_behind(by: str) -> None:
    def use() -> list[int]:
        envs = AtariVectorEnv(BREAKOUT, 3, 2, render_mode="rgb_array")
        envs.reset()
        envs.step(np.zeros(3, int))
        if by == "close":
            envs.close()
        return worker_ids(envs)

    others = children()  # of other tests, such as a compiler's or a tracker's service
    use()
    gc.collect()
    before = descriptors(), shared_mappings(), children()
    assert before[1:] == (0, others)
    for _ in range(3):
        workers = use()
        gc.collect()
        assert not any(is_alive(worker) for worker in workers)
    assert (descriptors(), shared_mappings(), children()) == before
