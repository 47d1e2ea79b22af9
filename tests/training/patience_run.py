"""Two processes, of which the first takes longer than the patience of the other: as a script, and where.

`alone`: in what the first does before the others; `meanwhile`: outside, where the other waits in an exchange.
"""

import sys
import time
from datetime import timedelta

import torch.distributed as dist

from training import distributed
from training.distributed import first_alone, joined, share

PATIENCE = 3.0

if __name__ == "__main__":
    distributed.PATIENCE = timedelta(seconds=PATIENCE)
    with joined():
        with first_alone():
            if sys.argv[1] == "alone" and share().first:
                time.sleep(2 * PATIENCE)
        if sys.argv[1] == "meanwhile" and share().first:
            time.sleep(3 * PATIENCE)
        dist.barrier()
