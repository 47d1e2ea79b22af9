# syntax=docker/dockerfile:1
# docker build --build-arg BACKEND=cpu -t vocoder . && docker run -p 127.0.0.1:8000:8000 -e VOCODER_AUTH=off vocoder
# For others than this machine, with keys: -p 8000:8000 -v "$PWD/keys.json:/keys.json:ro" -e VOCODER_KEYS_FILE=/keys.json
# For NVIDIA GPUs: --build-arg BACKEND=cu130, and docker run --gpus all -e VOCODER_DEVICE=cuda …
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
ARG BACKEND=cpu
WORKDIR /source
RUN pip install --no-cache-dir uv==0.13.9 && python -m venv /opt/vocoder
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY vocoder vocoder
COPY server server
COPY training training
COPY configs configs
RUN VIRTUAL_ENV=/opt/vocoder uv pip install --no-cache --torch-backend "$BACKEND" -c constraints.txt .

FROM python:${PYTHON}
RUN useradd --uid 10001 --create-home vocoder
COPY --from=build /opt/vocoder /opt/vocoder
ENV PATH=/opt/vocoder/bin:$PATH \
    NUMBA_CACHE_DIR=/tmp/numba \
    OMP_WAIT_POLICY=PASSIVE \
    VOCODER_HOST=0.0.0.0 \
    VOCODER_VOICES=/voices
USER 10001
EXPOSE 8000
HEALTHCHECK --start-period=60s \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/readyz')"]
ENTRYPOINT ["vocoder"]
CMD ["serve"]
