"""Distillation on cases whose answers are known."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from training.losses.distillation import contrastive, divergence, uniform_draws
from vocoder.distributions import Gaussian, Logistic, Mixture
from vocoder.errors import InputError
from vocoder.mel import DIALECTS
from vocoder.models import Student, StudentConfig, Teacher, TeacherConfig

GOLDEN = Path(__file__).parent.parent.parent / "golden" / "5_clarinet" / "kl_and_losses.npz"


def gaussians(seed: int = 0, length: int = 200) -> tuple[Gaussian, Gaussian]:
    torch.manual_seed(seed)
    values = 0.3 * torch.randn(4, 1, length, dtype=torch.float64)
    return Gaussian(values[0], values[1] - 1), Gaussian(values[2], values[3] - 0.8)


@pytest.mark.parametrize("estimator", ["monte-carlo", "stratified", "closed-form"])
def test_the_estimate_tends_to_the_closed_form(estimator):
    student, teacher = gaussians()
    generator = torch.Generator().manual_seed(0)
    estimate = divergence(student, teacher, draws=4096, estimator=estimator, generator=generator).value
    exact = torch.distributions.kl_divergence(
        torch.distributions.Normal(student.loc, student.log_scale.exp()),
        torch.distributions.Normal(teacher.loc, teacher.log_scale.exp()),
    )
    tolerance = {"monte-carlo": 0.15, "stratified": 0.02, "closed-form": 1e-12}[estimator]
    torch.testing.assert_close(estimate, exact, rtol=0, atol=tolerance)


def test_of_a_density_and_itself_it_is_zero():
    torch.manual_seed(0)
    student = Logistic(torch.randn(1, 50).double(), torch.randn(1, 50).double() - 3)
    same = divergence(student, student, draws=2000).value
    torch.testing.assert_close(same, torch.zeros_like(same), rtol=0, atol=2e-2)


def test_stratified_draws_vary_less_at_the_same_cost():
    """And the more so, the more draws there are: the gain is about half their number."""
    student, _ = gaussians(length=400)
    student = Logistic(student.loc, student.log_scale)
    logits = torch.randn(1, 3, 400, dtype=torch.float64)
    teacher = Mixture(logits, Logistic(0.2 * torch.randn_like(logits), torch.randn_like(logits) * 0.3 - 1))
    gains = []
    for draws in (4, 16):
        spread = {
            kind: torch.stack(
                [divergence(student, teacher, draws=draws, estimator=kind).value for _ in range(30)]
            )
            .var(dim=0)
            .mean()
            for kind in ("monte-carlo", "stratified")
        }
        gains.append(float(spread["monte-carlo"] / spread["stratified"]))
    assert gains[0] > 1.5
    assert gains[1] > 3 * gains[0]


def test_every_part_of_the_density_gets_one_stratified_draw():
    uniform = uniform_draws(8, torch.zeros(3, 5), "stratified")
    parts = (uniform * 8).floor().long()
    assert torch.equal(parts, torch.arange(8).view(8, 1, 1).expand_as(parts))


def test_the_closed_form_is_that_of_clarinet():
    """Its log-scales are clamped at -6, which ours are not: there they are held against each other."""
    golden = {key: torch.from_numpy(value).double() for key, value in np.load(GOLDEN).items()}
    own, other = (Gaussian(golden[f"mu_{x}"][:, 0], golden[f"logs_{x}"][:, 0]) for x in "qp")
    ours = divergence(own, other, draws=1, estimator="closed-form").value
    exact = golden["KL_unclamped_torch_distributions_float64"][:, 0]
    torch.testing.assert_close(ours, exact, rtol=1e-9, atol=1e-9)
    same = golden["clamp_inactive"][:, 0].bool()
    assert same.any()
    torch.testing.assert_close(ours[same], golden["KL"][:, 0][same], rtol=1e-5, atol=1e-5)


def test_the_closed_form_of_other_families_is_refused():
    student, _ = gaussians()
    teacher = Logistic(student.loc, student.log_scale)
    with pytest.raises(InputError, match="got Gaussian under Logistic"):
        divergence(student, teacher, draws=1, estimator="closed-form")


def test_a_wrong_mel_far_away_gives_no_more_gradient():
    right = torch.tensor([1.0], requires_grad=True)
    wrong = torch.tensor([3.0, 30.0], requires_grad=True)
    loss = contrastive(right, wrong, weight=0.3, ceiling=10.0)
    assert loss.tolist() == pytest.approx([1 - 0.9, 1 - 3.0])
    loss.sum().backward()
    assert wrong.grad.tolist() == pytest.approx([-0.3, 0.0])


SMALL = {"hidden": 6, "layers": 2, "lookahead": 1}


@pytest.fixture(scope="module")
def pair() -> tuple[Student, Teacher]:
    """A student with a flow over groups and a teacher, both with random weights everywhere."""
    torch.manual_seed(0)
    flow = {"layers": 2, "residual_channels": 6, "skip_channels": 6}
    student = Student(
        StudentConfig.model_validate(
            {"pitch": SMALL, "filters": SMALL, "conditioning": SMALL, "num_bands": 8, "num_taps": 32}
            | {"noise_cepstrum": 16, "context_channels": 5, "flows": [flow], "base": "logistic"}
        ),
        DIALECTS["nvidia"],
    )
    tiers = {"group": 16, "layers": 2, "residual_channels": 6, "skip_channels": 6, "head_channels": 4}
    teacher = Teacher(
        TeacherConfig.model_validate(
            {"pitch": SMALL, "conditioning": SMALL, "context_channels": 5, "wavenet": tiers}
            | {"whitening": {**SMALL, "num_bands": 8, "num_taps": 32, "num_cepstrum": 16}}
        ),
        DIALECTS["nvidia"],
    )
    for layer in (student.conditioners[0].network.head[-1], teacher.wavenet.last):
        torch.nn.init.normal_(layer.weight, std=0.1)
    return student.eval(), teacher.eval().requires_grad_(False)


def distil(
    student: Student, teacher: Teacher, *, detach_past: bool = False, detach_draws: bool = False
) -> Tensor:
    torch.manual_seed(3)
    frames = torch.randn(1, 80, 3 + student.left_context + student.lookahead_frames) - 5
    pulses = student.start([0], 1.0).pulses
    conditions, _ = student.conditions(frames, pulses)
    noise = Logistic.standard_icdf(torch.rand(1, 3 * 256))
    audio, log_scale = student.render(noise, conditions)
    own = Logistic(audio - log_scale.exp() * noise, log_scale)
    left = student.left_context - teacher.left_context
    right = student.lookahead_frames - teacher.lookahead_frames
    told = teacher.conditions(frames[..., left : frames.shape[-1] - right])
    predicted = teacher.density(audio.detach() if detach_past else audio, told)
    if detach_draws:
        own = Logistic(own.loc.detach(), own.log_scale.detach())
    generator = torch.Generator().manual_seed(0)
    return divergence(own, predicted, draws=2, generator=generator).cross_entropy.mean()


def test_the_gradient_takes_both_ways_and_leaves_the_teacher_alone(pair):
    """Through the draws of x_t, and through x_<t, which the teacher's network read."""
    student, teacher = pair
    weight = student.conditioners[0].network.first.weight
    gradients = {}
    for name, ways in {
        "both": {},
        "draws": {"detach_past": True},
        "past": {"detach_draws": True},
    }.items():
        student.zero_grad()
        distil(student, teacher, **ways).backward()
        gradients[name] = weight.grad.clone()
        assert gradients[name].abs().max() > 0
    assert not torch.allclose(gradients["draws"], gradients["past"])
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_the_merged_density_is_that_of_the_flows(pair):
    """Parallel WaveNet, sec. 3: one density a sample, whose product is what the change of variables gives."""
    student, _ = pair
    frames = torch.randn(1, 80, 2 + student.left_context + student.lookahead_frames) - 5
    conditions, _ = student.conditions(frames, student.start([0], 1.0).pulses)
    noise = Logistic.standard_icdf(torch.rand(1, 512))
    audio, log_scale = student.render(noise, conditions)
    merged = Logistic(audio - log_scale.exp() * noise, log_scale).log_prob(audio).sum()
    back, log_det = student.flow.to_noise(audio.unsqueeze(1), conditions)
    torch.testing.assert_close(back[:, 0], noise, rtol=1e-3, atol=1e-3)
    changed = Logistic.standard_log_prob(back).sum() + log_det.sum()
    assert math.isclose(merged.item(), changed.item(), rel_tol=1e-4)
