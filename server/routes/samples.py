"""Recordings to try the voices with."""

from typing import Any

import soundfile
from fastapi import APIRouter, Request
from starlette.responses import FileResponse

from server.problems import Problem
from server.schemas import Sample, SampleList
from vocoder.samples import SAMPLES, TRANSCRIPTS

MEDIA_TYPE = "audio/flac"
_FLAC: dict[int | str, dict[str, Any]] = {
    200: {"content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
}

router = APIRouter(prefix="/v1/samples", tags=["samples"])


@router.get("")
async def list_samples(request: Request) -> SampleList:
    """Recordings that ship with the server, in the public domain."""
    return SampleList(
        samples=[
            Sample(
                name=name,
                text=TRANSCRIPTS[name],
                seconds=round(soundfile.info(path).duration, 2),
                url=str(request.app.url_path_for("get_sample", name=name)),
            )
            for name, path in SAMPLES.items()
        ]
    )


@router.get("/{name}", response_class=FileResponse, responses=_FLAC)
async def get_sample(name: str) -> FileResponse:
    """One of the recordings, as FLAC."""
    if name not in SAMPLES:
        raise Problem("not-found", f"no sample is called {name[:100]}; there are {', '.join(SAMPLES)}")
    return FileResponse(SAMPLES[name], media_type=MEDIA_TYPE)
