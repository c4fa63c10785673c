# syntax=docker/dockerfile:1
# Serving images without torch: `docker build --target cpu .` or `--target gpu`. An index is mounted at /data/index.

# --- cpu: build ---
FROM python:3.11-slim-bookworm AS build-cpu
WORKDIR /src
RUN python -m venv /opt/tamis
ENV PATH=/opt/tamis/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY . .
# src/tamis holds links to the folders beside it; COPY keeps them.
RUN pip install --constraint constraints.txt '.[cpu,lucene]' \
    && pip install --constraint constraints.txt --no-deps 'pyserini==1.6.0'

# --- gpu: build; the same, on the interpreter of the image that has CUDA and cuDNN ---
FROM nvidia/cuda:12.6.3-cudnn-runtime-ubuntu24.04 AS base-gpu
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*

FROM base-gpu AS build-gpu
WORKDIR /src
RUN python3 -m venv /opt/tamis
ENV PATH=/opt/tamis/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY . .
RUN pip install --constraint constraints.txt '.[gpu,lucene]' \
    && pip install --constraint constraints.txt --no-deps 'pyserini==1.6.0'

# --- what runs; the root may be read-only, /tmp must be writable ---
FROM base-gpu AS gpu
COPY --from=build-gpu /opt/tamis /opt/tamis
RUN useradd --system --uid 10001 --home-dir /tmp --shell /usr/sbin/nologin tamis
ENV PATH=/opt/tamis/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp NUMBA_CACHE_DIR=/tmp/numba
USER 10001
WORKDIR /tmp
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/readyz', timeout=5)"]
ENTRYPOINT ["tamis"]
CMD ["serve", "/data/index", "--host", "0.0.0.0", "--port", "8080", "--device", "cuda"]

FROM python:3.11-slim-bookworm AS cpu
COPY --from=build-cpu /opt/tamis /opt/tamis
RUN useradd --system --uid 10001 --home-dir /tmp --shell /usr/sbin/nologin tamis
ENV PATH=/opt/tamis/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp NUMBA_CACHE_DIR=/tmp/numba
USER 10001
WORKDIR /tmp
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/readyz', timeout=5)"]
ENTRYPOINT ["tamis"]
CMD ["serve", "/data/index", "--host", "0.0.0.0", "--port", "8080"]
