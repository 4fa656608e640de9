import json
import signal

import pytest

from framering import TrainConfig, cli
from framering._core import LaneWriter
from framering.dqn.exploration import EpsilonGreedy
from framering.dqn.learner import Learner
from framering.errors import ConfigError
from framering.training.profiling import advice, profile
from framering.training.profiling.profile import LoopProfile, PhaseTimes
from framering.training.profiling.stopwatch import Method, Stopwatch, Total
from framering.vector.env import AtariVectorEnv

CARTPOLE = ["--env-id", "CartPole-v1", "--device", "cpu"]
STEPS = ["--total-timesteps", "400", "--learning-starts", "200"]
PHASES = ("random", "acting", "learning")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The folder of a profile of CartPole, with what it printed and wrote."""
    folder = tmp_path_factory.mktemp("profile")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("COLUMNS", "80")
        out = (folder / "shown").open("w")
        patch.setattr("sys.stdout", out)
        cli.main(["profile", *CARTPOLE, *STEPS, "--json", "json", "--trace", "trace"])
        out.close()
    return folder


@pytest.fixture
def shown(files):
    return (files / "shown").read_text()


@pytest.fixture
def figures(files):
    return json.loads((files / "json").read_text())


@pytest.fixture
def events(files):
    return json.loads((files / "trace").read_text())["traceEvents"]


def row(shown, part):
    (found,) = [line for line in shown.splitlines() if line.startswith(f"  {part}  ")]
    return found.removeprefix(f"  {part}").split()


def profile_of(parts, **settings):
    """A profile whose learning phase spent these seconds in parts."""
    totals = {name: Total(seconds, 1) for name, seconds in parts.items()}
    learning = PhaseTimes(100, sum(parts.values()), totals)
    phases = {name: PhaseTimes() for name in ("random", "acting", "compiling")}
    return LoopProfile(TrainConfig(**settings), {**phases, "learning": learning}, images=True)


def test_each_phase_has_its_steps(figures):
    # Updates are made at the steps above 200 that are multiples of 4.
    assert [figures["phases"][name]["steps"] for name in PHASES] == [201, 150, 49]


def test_a_part_is_timed_in_the_phases_that_have_it(figures):
    calls = {
        phase: {part: total["calls"] for part, total in figures["phases"][phase]["parts"].items()}
        for phase in PHASES
    }
    assert [calls[phase]["choose actions"] for phase in PHASES] == [201, 150, 49]
    assert [calls[phase].get("learn") for phase in PHASES] == [None, None, 49]
    assert [calls[phase]["emulate"] for phase in PHASES] == [201, 150, 49]
    assert calls["learning"]["sample a batch"] == 49


def test_actions_are_random_before_learning_starts_and_not_after(tmp_path, monkeypatch):
    def actions(self, observations, epsilon, greedy):
        epsilons.append(epsilon)
        return usual(self, observations, epsilon, greedy)

    epsilons, usual = [], EpsilonGreedy.actions
    monkeypatch.setattr(EpsilonGreedy, "actions", actions)
    monkeypatch.chdir(tmp_path)
    profile(TrainConfig(env_id="CartPole-v1", total_timesteps=60, learning_starts=40))

    assert epsilons == [1.0] * 41 + [0.01] * 19


def test_the_parts_of_a_phase_add_up_to_its_time(figures):
    for phase in PHASES:
        times = figures["phases"][phase]
        assert sum(part["seconds"] for part in times["parts"].values()) == pytest.approx(
            times["seconds"]
        )


def test_the_table_has_a_row_for_each_part_and_shares_of_the_whole(shown):
    cells = row(shown, "choose actions")
    shares = [
        float(word.strip("%"))
        for line in shown.splitlines()
        for word in line.split()
        if word.endswith("%")
    ]

    assert cells[4] == "400"
    assert len(row(shown, "learn")) == 6
    # Those of the parts, then their sum and that of the advice.
    assert sum(shares[:-2]) == pytest.approx(100, abs=1)
    assert shares[-2] == 100


def test_the_table_fits_80_columns(shown):
    assert max(map(len, shown.splitlines()[-20:])) <= 80


def test_the_advice_ends_the_report(shown, figures):
    assert " ".join(shown.split()).endswith(f"{figures['advice']} json trace")
    assert figures["advice"].startswith("Bound by")
    assert "--network" not in figures["advice"]  # CartPole has no images


def test_the_file_has_settings_and_versions(figures):
    assert figures["settings"]["env_id"] == "CartPole-v1"
    assert figures["settings"]["learning_starts"] == 200
    assert set(figures["versions"]) == {"framering", "torch", "path", "torch_threads"}


def test_the_trace_has_complete_events_of_phases_and_parts(events):
    metadata, *complete = events

    assert metadata["ph"] == "M"
    assert {event["ph"] for event in complete} == {"X"}
    for event in complete:
        assert set(event) == {"name", "cat", "ph", "ts", "dur", "pid", "tid"}
        assert event["ts"] >= 0
        assert event["dur"] >= 0
    names = [event["name"] for event in complete]
    assert sum(event["cat"] == "phase" for event in complete) == 400
    assert names.count("learn") == 49


def test_events_of_the_trace_nest(events):
    open_until = []
    for event in events[1:]:
        end = event["ts"] + event["dur"]
        while open_until and open_until[-1] <= event["ts"] + 1e-3:
            open_until.pop()
        assert not open_until or end <= open_until[-1] + 1e-3
        open_until.append(end)


def test_a_profile_leaves_no_run(files):
    assert sorted(path.name for path in files.iterdir()) == ["json", "shown", "trace"]


def test_the_methods_are_restored_after_profiling(files):
    assert EpsilonGreedy.actions.__name__ == "actions"
    assert Learner.update.__name__ == "update"
    assert "wrapper" not in repr(vars(LaneWriter)["append"])


def atari(tmp_path, monkeypatch, **settings):
    monkeypatch.chdir(tmp_path)
    return profile(
        TrainConfig(
            env_id="PongNoFrameskip-v4",
            buffer_size=200,
            total_timesteps=60,
            learning_starts=32,
            device="cpu",
            network="data-efficient",
            **settings,
        )
    )


def test_emulation_is_apart_from_preprocessing_and_gathering(tmp_path, monkeypatch):
    parts = atari(tmp_path, monkeypatch).whole().parts

    assert parts["preprocess"].calls == parts["write frames"].calls == parts["emulate"].calls
    assert parts["gather stacks"].calls == 60
    assert parts["emulate"].seconds > parts["preprocess"].seconds > 0


def test_what_workers_spend_is_measured_beside_the_wait_for_them(tmp_path, monkeypatch):
    found = atari(tmp_path, monkeypatch, num_envs=2, num_workers=1)

    assert found.whole().parts["wait for workers"].calls > 0
    assert "emulate" not in found.whole().parts
    assert found.worker_step["emulate"] > found.worker_step["preprocess"] > 0
    assert found.worker_step["write frames"] > 0


def test_an_interrupted_run_is_reported_as_far_as_it_came(tmp_path, monkeypatch):
    def send(self, actions, env_id=None):
        self.sent = getattr(self, "sent", 0) + 1
        if self.sent == 10:
            signal.raise_signal(signal.SIGINT)
        return usual(self, actions, env_id)

    usual = AtariVectorEnv.send
    monkeypatch.setattr(AtariVectorEnv, "send", send)
    found = atari(tmp_path, monkeypatch)

    assert found.interrupted
    assert found.whole().steps == 10


def test_asynchronous_steps_are_counted_as_they_are_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = profile(
        TrainConfig(
            env_id="PongNoFrameskip-v4",
            num_envs=4,
            num_workers=0,
            async_envs=True,
            total_timesteps=60,
            learning_starts=40,
            batch_size=8,
            buffer_size=100,
            device="cpu",
        )
    )
    assert 60 <= found.whole().steps < 64


@pytest.mark.parametrize(("total_timesteps", "num_envs"), [(1, 1), (8, 8), (3, 8)])
def test_a_run_of_one_step_has_no_time_to_profile(total_timesteps, num_envs):
    with pytest.raises(ConfigError, match=f"--total-timesteps: .* got {total_timesteps}"):
        profile(TrainConfig(total_timesteps=total_timesteps, num_envs=num_envs))


@pytest.mark.parametrize(
    ("parts", "settings", "bound", "remedy"),
    [
        ({"learn": 6.0, "emulate": 4.0}, {}, "learning: it takes 60%", "--compile"),
        ({"learn": 6.0, "sample a batch": 3.0, "emulate": 1.0}, {}, "learning: it takes 90%", ""),
        ({"emulate": 3.0, "preprocess": 3.0, "learn": 4.0}, {}, "emulation", "--num-envs 8"),
        ({"wait for workers": 6.0, "learn": 4.0}, {"num_envs": 8, "num_workers": 0}, "em", "-work"),
        ({"choose actions": 6.0, "learn": 4.0}, {}, "acting", "--num-envs 8"),
        ({"the loop itself": 6.0, "learn": 4.0}, {}, "the loop", "--num-envs 8"),
        (
            {"report": 6.0, "learn": 4.0},
            {"num_envs": 8, "pipeline": False},
            "the loop",
            "--pipeline",
        ),
    ],
)
def test_the_advice_names_what_takes_most_and_settings_that_shorten_it(
    parts, settings, bound, remedy
):
    text = advice.advice(profile_of(parts, device="cpu", **settings))

    assert text.startswith(f"Bound by {bound}")
    assert remedy in text
    assert text.count(". ") == 1


def test_the_advice_names_no_setting_that_is_in_use():
    settings = {"compile": True, "network": "nips", "torch_threads": 1, "precision": "auto"}
    text = advice.advice(profile_of({"learn": 1.0}, device="cpu", **settings))

    for flag in ("--compile", "--network", "--torch-threads", "--precision"):
        assert flag not in text


def test_the_time_of_a_part_leaves_out_the_parts_inside_it(monkeypatch):
    class Parts:
        def outer(self):
            self.inner()

        def inner(self):
            pass

    clock = iter([0.0, 1.0, 3.0, 10.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    watch = Stopwatch(keep_spans=True)
    with watch.watching([Method("outer", Parts, "outer"), Method("inner", Parts, "inner")]):
        Parts().outer()

    assert watch.lap() == {"inner": Total(2.0, 1), "outer": Total(8.0, 1)}
    assert [(span.part, span.seconds) for span in watch.spans] == [("inner", 2.0), ("outer", 10.0)]


def test_a_whole_part_contains_those_inside_it(monkeypatch):
    class Parts:
        def outer(self):
            self.inner()

        def inner(self):
            pass

    watch = Stopwatch()
    methods = [Method("outer", Parts, "outer", whole=True), Method("inner", Parts, "inner")]
    with watch.watching(methods):
        Parts().outer()
        Parts().inner()

    assert {part: total.calls for part, total in watch.lap().items()} == {"outer": 1, "inner": 1}
