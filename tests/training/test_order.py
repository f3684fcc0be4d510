"""Which stack comes when: everything once an epoch, however many processes, parts and workers share it out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from focaldepth.training._optimiser import learning_rate
from focaldepth.training._order import Order, places
from focaldepth.training._settings import TrainSettings


@given(count=st.integers(1, 40), batch=st.integers(1, 8), seed=st.integers(0, 1000), epoch=st.integers(0, 5))
def test_an_epoch_shows_a_stack_at_most_once(count: int, batch: int, seed: int, epoch: int) -> None:
    order = Order(count, batch, seed)
    shown = [order.stack(epoch * order.steps + s, p) for s in range(order.steps) for p in range(batch)]
    assert {e for e, _ in shown} == {epoch}
    indices = [i for _, i in shown]
    assert set(indices) <= set(range(count))
    if count >= batch:
        assert len(set(indices)) == len(indices) == order.steps * batch
        assert count - len(indices) < batch
    else:
        assert set(indices) == set(range(count))


def test_order_and_chance_follow_seed_stage_and_step_alone() -> None:
    one, other = Order(20, 4, 0), Order(20, 4, 0)
    assert [one.stack(s, 1) for s in range(9)] == [other.stack(s, 1) for s in reversed(range(9))][::-1]
    assert one.chance(3, 1).random() == other.chance(3, 1).random()
    draws = {Order(20, 4, seed, stage).chance(s, p).random() for seed in (0, 1) for stage in (0, 1) for s in (0, 1)
             for p in (0, 1)}  # fmt: skip
    assert len(draws) == 16
    first = [[i for s in range(5) for p in range(4) for _, i in [one.stack(5 * e + s, p)]] for e in (0, 1)]
    assert first[0] != first[1]


@given(own=st.integers(1, 4), world=st.integers(1, 4), parts=st.integers(1, 4))
def test_processes_and_parts_share_a_batch_out(own: int, world: int, parts: int) -> None:
    batch = own * world * parts
    shared = [p for rank in range(world) for part in places(batch, rank, world, parts) for p in part]
    assert sorted(shared) == list(range(batch))


@given(st.integers(2, 5), st.integers(5, 9), st.integers(0, 50))
def test_the_number_of_frames_is_drawn_between_its_limits(fewest: int, most: int, step: int) -> None:
    assert fewest <= Order(10, 2, 0).frames(step, fewest, most) <= most


def test_schedules() -> None:
    cosine = TrainSettings(learning_rate=1.0, schedule="cosine", epochs=10)
    assert [round(learning_rate(cosine, s, 10), 6) for s in (0, 50, 100)] == [1.0, 0.5, 0.0]
    warm = TrainSettings(learning_rate=1.0, warmup_steps=4)
    assert [learning_rate(warm, s, 10) for s in (0, 1, 3, 4)] == [0.25, 0.5, 1.0, 1.0]
