"""The life of a training job: store, runner, worker.

`store` is the one place where a job's state lives (an SQLite file). `attempt` is the folder of a job, which
the process that trains shares with the runner: a lock that the kernel holds, who may run, how it ended.
`runner` moves jobs through their states; `local` starts their processes on this machine, `cluster` on Ray.
"""
