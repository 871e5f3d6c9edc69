# A serving image for Amazon SageMaker and for any Docker host.
#
#   docker build -t maskserve .                                   CPU and NVIDIA GPU
#   docker build -t maskserve:cpu --build-arg TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu .
#                                                                 CPU only, several GB smaller
#   docker build -t maskserve:coco --build-arg MODEL=maskrcnn_resnet50_fpn_v2 --build-arg WEIGHTS=COCO_V1 .
#                                                                 with torchvision's weights inside
#   docker run --rm -p 8080:8080 maskserve serve
#
# SageMaker takes neither OCI manifests nor image indexes. For it, build with
#   docker buildx build --platform linux/amd64 --provenance=false --sbom=false --output type=docker -t maskserve .
ARG BASE_IMAGE=python:3.11-slim-bookworm
FROM ${BASE_IMAGE}

WORKDIR /opt/maskserve

# The layer of several GB, on its own so that a change of code never repeats it. From TORCH_INDEX_URL come torch and
# torchvision only; their dependencies are pinned in requirements.txt like the rest.
# triton leaves again: it builds GPU kernels with a C compiler, which this image does not have, so it is 1 GB that could
# only fail at run time; without it torch keeps to its built-in kernels. The headers are for compilers too.
ARG TORCH_INDEX_URL=""
COPY requirements.txt ./
RUN if [ -n "${TORCH_INDEX_URL}" ]; then \
        grep -E '^torch(vision)?==' requirements.txt > /tmp/torch.txt \
        && pip install --no-cache-dir --no-deps --index-url "${TORCH_INDEX_URL}" -r /tmp/torch.txt \
        && rm /tmp/torch.txt; \
    fi \
    && pip install --no-cache-dir -r requirements.txt \
    && pip uninstall --yes triton \
    && site="$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
    && rm -rf "${site}/torch/include" "${site}"/nvidia/*/include

# HOME and every cache point into /tmp, the only folder that has to be writable; the user id may be any.
# USER answers libraries that ask for the user's name, which /etc/passwd need not know.
ENV HOME=/tmp \
    TMPDIR=/tmp \
    TORCH_HOME=/tmp/torch \
    USER=maskserve \
    PYTHONPATH=/opt/maskserve \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility

# Nobody can write bytecode at run time, so it is compiled here. The modes are for checkouts that only their owner reads.
COPY serve ./
COPY container ./container
RUN chmod -R u=rwX,go=rX . \
    && ln -s /opt/maskserve/serve /usr/local/bin/serve \
    && python -m compileall -q --invalidation-mode unchecked-hash container

# Weights inside the image, for endpoints without model data. They lie outside /opt/ml, which SageMaker mounts over. The
# image then serves them whatever /opt/ml/model holds; `-e MASKSERVE_MODEL=` looks there again.
ARG MODEL=""
ARG WEIGHTS="DEFAULT"
RUN if [ -n "${MODEL}" ]; then \
        python -m container pack --architecture "${MODEL}" --weights "${WEIGHTS}" --output /tmp/model.tar.gz \
        && mkdir model \
        && tar -xzf /tmp/model.tar.gz -C model --no-same-owner \
        && chmod -R u=rwX,go=rX model \
        && rm -rf /tmp/model.tar.gz /tmp/torch; \
    fi
ENV MASKSERVE_MODEL=${MODEL:+/opt/maskserve/model}

# AWS recommends that containers run as root. Nothing here needs it, so the default is an unprivileged id; root and any
# other id work as well (`docker run --user`), and `--build-arg RUN_AS=0` is for a platform that insists on it.
ARG RUN_AS="10001:10001"
USER ${RUN_AS}

EXPOSE 8080
# http.client, because urllib would send even this through HTTP_PROXY.
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s CMD ["python", "-I", "-c", "\
import http.client, os, sys; \
server = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('SAGEMAKER_BIND_TO_PORT') or 8080), timeout=2); \
server.request('GET', '/ping'); \
sys.exit(server.getresponse().status != 200)"]

# Exec form and no init in between: the server is process 1 and SIGTERM reaches it. The first word after the image's name
# is a command of `python -m container`: `docker run maskserve serve`, as SageMaker does, or `... maskserve models`.
# `serve` is on the PATH as well, for `--entrypoint serve`.
ENTRYPOINT ["python", "-m", "container"]
CMD ["serve"]

ARG VERSION="0.0.0"
ARG GIT_SHA="unknown"
ENV MASKSERVE_REVISION=${GIT_SHA}
LABEL org.opencontainers.image.title="maskserve" \
      org.opencontainers.image.description="Image segmentation for Amazon SageMaker: labels, boxes and masks from torchvision models" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${GIT_SHA}" \
      com.amazonaws.sagemaker.capabilities.accept-bind-to-port="true" \
      com.amazonaws.sagemaker.capabilities.multi-models="true"
