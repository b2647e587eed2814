from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402
from unrolled import SHAPE, distance, nats  # noqa: E402

from winnow.core.errors import RecipeError  # noqa: E402
from winnow.lm.model import Transformer  # noqa: E402
from winnow.meta.backends import Differences, Exact  # noqa: E402
from winnow.meta.models import Function, Stateless, Tensors  # noqa: E402
from winnow.meta.optimizers import AdamW, norm  # noqa: E402
from winnow.meta.unroll import advance, unroll, weight_gradients  # noqa: E402


class Momentum:
    """SGD with momentum, as anyone would write it."""

    def __init__(self, rate: float, momentum: float = 0.9) -> None:
        self.rate, self.momentum = rate, momentum

    def start(self, params: Tensors) -> Tensors:
        return tuple(torch.zeros_like(param) for param in params)

    def __call__(self, params: Tensors, state: Tensors, gradient: Tensors) -> tuple[Tensors, Tensors]:
        state = tuple(self.momentum * v + g for v, g in zip(state, gradient, strict=True))
        return tuple(p - self.rate * v for p, v in zip(params, state, strict=True)), state


@pytest.mark.parametrize("max_norm", [0.1, 1e6])
@pytest.mark.parametrize(("dtype", "root", "error"), [(torch.float64, 0.0, 1e-12), (torch.float32, 1e-16, 1e-5)])
def test_constant_weights_train_as_torchs_adamw_does(max_norm: float, dtype: Any, root: float, error: float) -> None:
    module = Transformer(SHAPE).to(dtype)
    update = AdamW(learning_rate=1e-2, weight_decay=0.1, decayed=(True, False), max_norm=max_norm, epsilon_root=root)
    model: Stateless[Tensor] = Stateless(module, nats)
    batches = [torch.randint(0, SHAPE.vocab_size, (4, 6)) for _ in range(8)]
    uniform = [torch.full((4,), 0.25, dtype=dtype) for _ in batches]
    params = model.params()
    window = unroll(model, update, params, update.start(params), batches, uniform, Exact())
    groups = [
        {"params": [p for p in module.parameters() if p.ndim > 1], "weight_decay": 0.1},
        {"params": [p for p in module.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-2, betas=update.betas, eps=update.epsilon)
    for batch in batches:
        optimizer.zero_grad()
        nats(module, batch).mean().backward()
        nn.utils.clip_grad_norm_(module.parameters(), max_norm)
        optimizer.step()
    assert distance(window.params, model.params()) < error


def test_the_rate_rises_to_its_height_over_the_warm_up() -> None:
    update = AdamW(learning_rate=1.0, warmup=4, max_norm=None)
    params: Tensors = (torch.zeros(1, dtype=torch.float64),)
    state, moves = update.start(params), []
    for _ in range(6):
        after, state = advance(update, params, state, (torch.ones(1, dtype=torch.float64),))
        moves.append(float(params[0] - after[0]))
        params = after
    assert moves == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1], rel=1e-6)


def test_a_gradient_of_zero_has_derivatives() -> None:
    update = AdamW(learning_rate=1e-2, weight_decay=0.1)
    zeros = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    (moved,), state = update((torch.ones(3, dtype=torch.float64),), update.start((zeros,)), (zeros,))
    for output in (moved, *state[:2]):
        (found,) = torch.autograd.grad(output.sum(), zeros, retain_graph=True)
        assert found.isfinite().all()


@pytest.mark.parametrize("max_norm", [None, 0.5, 1e6])
@pytest.mark.parametrize("step", [1, 3, 40])
def test_the_derivative_that_is_written_out_is_the_steps(step: int, max_norm: float | None) -> None:
    update = AdamW(learning_rate=0.1, weight_decay=0.3, decayed=(True, False), max_norm=max_norm, warmup=5)
    random = torch.Generator().manual_seed(step)
    given = [torch.rand(3 + place % 2, dtype=torch.float64, generator=random) - 0.5 for place in range(8)]
    given[4:6] = [one.square() for one in given[4:6]]  # second moments

    def after(*given: Tensor) -> Tensors:
        params, state = update(given[:2], (*given[2:6], torch.tensor(float(step - 1))), given[6:])
        return (*params, *state[:-1])

    assert torch.autograd.gradcheck(after, tuple(one.requires_grad_() for one in given))


def test_decay_that_does_not_fit_the_parameters_is_refused() -> None:
    with pytest.raises(RecipeError, match="decayed names 2 tensors of 3"):
        AdamW(learning_rate=1e-2, decayed=(True, False)).start((torch.zeros(2),) * 3)


def test_a_norm_is_of_all_tensors_together_and_zero_has_a_derivative() -> None:
    assert float(norm((torch.tensor([3.0]), torch.zeros(0), torch.tensor([[4.0]])))) == pytest.approx(5)
    zero = torch.zeros(2, requires_grad=True)
    (found,) = torch.autograd.grad(norm((zero,)), zero)
    assert found.tolist() == [0, 0]


def regression(dtype: Any = torch.float64) -> tuple[Function[tuple[Tensor, Tensor]], Tensors]:
    """Linear least squares as a function of its two parameters."""

    def losses(params: Tensors, batch: tuple[Tensor, Tensor]) -> Tensor:
        return 0.5 * (batch[0] @ params[0] + params[1] - batch[1]).square()

    torch.manual_seed(0)
    return Function(losses), (torch.randn(3, dtype=dtype), torch.randn((), dtype=dtype))


@pytest.mark.parametrize("backend", [Exact(), Differences()])
def test_one_step_of_descent_on_a_quadratic_is_a_closed_form(backend: Exact | Differences) -> None:
    model, params = regression()
    inputs, targets = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, dtype=torch.float64)
    weights, update = torch.rand(5, dtype=torch.float64), Momentum(rate=0.1)
    window = unroll(model, update, params, update.start(params), [(inputs, targets)], [weights], backend)
    residuals = inputs @ params[0] + params[1] - targets
    gradients = residuals[:, None] * torch.cat([inputs, torch.ones(5, 1, dtype=torch.float64)], 1)  # [5, 4]
    assert (
        distance(
            [*window.params[:1], window.params[1][None]],
            [torch.cat([params[0], params[1][None]]) - 0.1 * weights @ gradients],
        )
        < 1e-14
    )
    outer = (torch.randn(3, dtype=torch.float64), torch.randn((), dtype=torch.float64))
    (found,) = weight_gradients(model, update, window, outer, backend)
    expected = -0.1 * gradients @ torch.cat([outer[0], outer[1][None]])
    assert distance([found], [expected]) < 1e-9


@pytest.mark.parametrize("backend", [Exact(), Differences()])
@pytest.mark.parametrize("num_steps", [1, 2, 4])
def test_an_optimizer_and_a_model_of_ones_own_are_differentiated(num_steps: int, backend: Exact | Differences) -> None:
    def losses(params: Tensors, batch: Tensor) -> Tensor:
        return (torch.tanh(batch @ params[0]) @ params[1]).square().mean(1)

    random = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random, dtype=torch.float64)

    model, update = Function(losses), Momentum(rate=0.1)
    params: Tensors = (draw(3, 5), draw(5, 2))
    state: Tensors = (draw(3, 5), draw(5, 2))
    batches, weights = [draw(4, 3) for _ in range(num_steps)], [draw(4).softmax(0) for _ in range(num_steps)]
    heldout = draw(6, 3)
    window = unroll(model, update, params, state, batches, weights, backend)
    outer, _ = model.gradient(window.params, heldout, torch.full((6,), 1 / 6, dtype=torch.float64))
    found = weight_gradients(model, update, window, outer, backend)

    leaves = [one.clone().requires_grad_() for one in weights]
    first, second = (param.clone().requires_grad_() for param in params)
    velocities = state
    for batch, shares in zip(batches, leaves, strict=True):
        total = shares @ losses((first, second), batch)
        gradients = torch.autograd.grad(total, (first, second), create_graph=True)
        velocities = tuple(0.9 * v + g for v, g in zip(velocities, gradients, strict=True))
        first, second = first - 0.1 * velocities[0], second - 0.1 * velocities[1]
    expected = torch.autograd.grad(losses((first, second), heldout).mean(), leaves)
    assert distance(found, expected) < (1e-12 if isinstance(backend, Exact) else 1e-7)
