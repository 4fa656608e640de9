"""Worker processes and their parent: who ends with whom, and what is left behind."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import time
from typing import Any

import numpy as np
import pytest

from framering import AtariVectorEnv

BREAKOUT = "BreakoutNoFrameskip-v4"


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
    print(*[process.pid for process in envs._stepper.executor._processes], flush=True)
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


def test_no_worker_survives_its_parent(is_alive: Any, wait_until: Any) -> None:
    parent = run(STEP_FOR_A_MINUTE)
    workers = workers_of(parent)
    assert all(is_alive(worker) for worker in workers)
    parent.kill()
    parent.communicate()
    wait_until(lambda: not any(is_alive(worker) for worker in workers), 1.0)


def test_a_busy_process_ends_with_its_parent_too(is_alive: Any, wait_until: Any) -> None:
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
    wait_until(lambda: not is_alive(children[0]), 1.0)
    parent.communicate()


def test_a_process_whose_parent_has_gone_already_ends_at_once() -> None:
    orphan = run("from framering import _core; _core.exit_with_parent(1 << 21); print('here')")
    output, _ = orphan.communicate(timeout=60)
    assert "here" not in output
    assert orphan.returncode == 1


def test_ctrl_c_is_one_clean_exit(is_alive: Any, wait_until: Any) -> None:
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
    wait_until(lambda: not any(is_alive(worker) for worker in workers), 1.0)


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


@pytest.mark.linux("/proc, and memory named memfd")
@pytest.mark.parametrize("by", ["close", "garbage collection"])
def test_nothing_is_left_behind(by: str, worker_ids: Any, is_alive: Any) -> None:
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
