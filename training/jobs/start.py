"""Where jobs run, by one setting: processes of this machine, or a Ray cluster."""

from training.jobs.runner import Processes


def processes(cpu_slots: int, gpus: tuple[str, ...], ray: str | None) -> Processes:
    """Processes here, so many at a time; with `ray`, the address of a cluster, there.

    Raises:
        MissingExtra: Ray is wanted and not installed.
    """
    if ray is None:
        from training.jobs.local import LocalProcesses

        return LocalProcesses(cpu_slots, gpus)
    from training.jobs.cluster import RayProcesses

    return RayProcesses(ray)
