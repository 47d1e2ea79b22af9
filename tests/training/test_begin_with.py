"""A run that begins with the weights of another: what fits is taken over, what does not is refused."""

from pathlib import Path

import pytest
import torch

from training.recipes.run import begin_with
from vocoder.checkpoints import save_checkpoint
from vocoder.errors import ConfigError
from vocoder.mel import DIALECTS
from vocoder.models import Teacher, TeacherConfig

SMALL = {"hidden": 6, "layers": 2, "lookahead": 1}


def make(seed: int, **tiers) -> Teacher:
    torch.manual_seed(seed)
    sizes = {"group": 16, "layers": 2, "residual_channels": 8, "skip_channels": 8, "head_channels": 4}
    config = {"pitch": SMALL, "conditioning": SMALL, "whitening": None, "wavenet": sizes | tiers}
    return Teacher(TeacherConfig.model_validate(config), DIALECTS["nvidia"])


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    path = tmp_path / "voice.safetensors"
    model = make(0)
    torch.nn.init.normal_(model.wavenet.last.weight)
    save_checkpoint(path, model.eval())
    return path


def test_a_part_that_the_checkpoint_lacks_changes_nothing_at_first(trained: Path) -> None:
    wider, same = make(1, straight=True), make(2)
    begin_with(wider, trained)
    begin_with(same, trained)
    mel = torch.linspace(-11, -2, 6).expand(80, 6)
    assert torch.equal(wider.eval().synthesize(mel), same.eval().synthesize(mel))


def test_weights_of_another_size_are_refused(trained: Path) -> None:
    with pytest.raises(ConfigError, match=r"does not fit the model of this recipe, first at wavenet\.upper"):
        begin_with(make(1, residual_channels=10), trained)
