"""The triangular map of a group, in rows."""

import torch

from vocoder.flows.triangular import Triangular


def test_rows_are_mapped_as_columns_are_and_what_is_not_read_is_masked():
    torch.manual_seed(0)
    transform = Triangular(4)
    x = torch.randn(2, 4, 7, dtype=torch.float64)
    parameters = torch.randn(2, transform.num_parameters, 4, 7, dtype=torch.float64)
    expected, _ = transform.to_noise(x, parameters)
    masked = parameters * transform.read_mask()[..., None]
    assert torch.equal(transform.to_noise(x, masked)[0], expected)
    rows = transform.rows_to_noise(x.mT, masked.permute(0, 3, 1, 2))
    torch.testing.assert_close(rows.mT, expected)
    assert int(transform.read_mask().sum()) == 2 * 4 + 6
