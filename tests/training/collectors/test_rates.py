from framering.training.collectors.rates import Rates


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_each_source_has_its_speed_since_the_beginning():
    clock = Clock()
    rates = Rates(3, clock)

    clock.now += 4
    rates.add(0, 8)
    rates.add(2, 2)
    rates.add(0, 8)

    assert rates.per_second() == [4.0, 0.0, 0.5]


def test_only_the_last_twenty_seconds_count():
    clock = Clock()
    rates = Rates(1, clock)

    for _ in range(60):
        rates.add(0, 10)
        clock.now += 1
    assert rates.per_second() == [10.0]

    clock.now += 30
    assert rates.per_second() == [0.0]
