"""Two processes, of which the first takes longer than the patience of the other: as a script.

Its arguments: where, and a folder for the process that is ready first to wait in. `alone`: in what the first
does before the others; `meanwhile`: elsewhere, while the other waits in an exchange.
"""

import os
import sys
import time
from datetime import timedelta
from pathlib import Path

import torch.distributed as dist

from training import distributed
from training.distributed import first_alone, joined, share

PATIENCE = 4.0

if __name__ == "__main__":
    where, folder = sys.argv[1], Path(sys.argv[2])
    distributed.PATIENCE = timedelta(seconds=PATIENCE)
    (folder / os.environ["RANK"]).touch()
    while len(list(folder.iterdir())) < 2:
        time.sleep(0.02)
    with joined():
        with first_alone():
            if where == "alone" and share().first:
                time.sleep(2 * PATIENCE)
        if where == "meanwhile" and share().first:
            time.sleep(3 * PATIENCE)
        dist.barrier()
