# syntax=docker/dockerfile:1
# docker build --build-arg BACKEND=cpu -t vocoder . && docker run -p 127.0.0.1:8000:8000 -e VOCODER_AUTH=off vocoder
# For others than this machine, with keys: vocoder keys create --scope synthesis --file keys/keys.json, then
#   docker run -p 8000:8000 --user "$(id -u):$(id -g)" -v "$PWD/keys:/keys:ro" -e VOCODER_KEYS_FILE=/keys/keys.json vocoder
# The file can be read by its owner alone, hence --user; it is replaced when a key is made or revoked, hence its folder.
# Your own checkpoints: -v "$PWD/voices:/voices:ro"
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
