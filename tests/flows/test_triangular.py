"""The triangular map of a group: in rows, of one channel, under autocast."""

import pytest
import torch

from vocoder.flows.triangular import Triangular


@pytest.mark.parametrize("channels", [1, 4])
def test_rows_are_mapped_as_columns_are_and_what_is_not_read_is_masked(channels):
    torch.manual_seed(0)
    transform = Triangular(channels)
    x = torch.randn(2, channels, 7, dtype=torch.float64)
    parameters = torch.randn(2, transform.num_parameters, channels, 7, dtype=torch.float64)
    expected, _ = transform.to_noise(x, parameters)
    masked = parameters * transform.read_mask()[..., None]
    assert torch.equal(transform.to_noise(x, masked)[0], expected)
    rows = transform.rows_to_noise(x.mT, masked.permute(0, 3, 1, 2))
    torch.testing.assert_close(rows.mT, expected)
    assert int(transform.read_mask().sum()) == 2 * channels + channels * (channels - 1) // 2


def test_data_keep_their_precision_under_autocast():
    torch.manual_seed(0)
    transform = Triangular(8)
    x, parameters = torch.randn(2, 8, 50), torch.randn(2, transform.num_parameters, 8, 50)
    expected, _ = transform.to_noise(x, parameters)
    with torch.autocast("cpu", torch.bfloat16):
        mapped, _ = transform.to_noise(x, parameters)
        returned, _ = transform.to_data(mapped, parameters)
    torch.testing.assert_close(mapped, expected)
    torch.testing.assert_close(returned, transform.to_data(expected, parameters)[0])
