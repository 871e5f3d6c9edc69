"""Maskserve: image bytes in; labels, boxes, masks or a rendered picture out.

From the top down; imports go down only (tests/test_layers.py):

cli, __main__       serve | check | predict | train | evaluate | pack | models
app                 create_app: the only place where the parts are joined
predict             prediction without a server
server/             what stands around gunicorn: application (its settings and hooks), worker, framing (where a request
                    ends), slow_clients (which are shed when threads, sockets or memory run low), threads, startup (how
                    loading went, from the workers to the master)
settings            the environment, read once
protocols/          HTTP in, HTTP out
    sagemaker/      endpoint (/ping, /invocations, /execution-parameters), multi_model (/models), runtime and
                    async_invocation (/endpoints/NAME/…), native (their errors), invocation (one request), exchange,
                    target, negotiation, attributes, body, sessions, streaming, event_stream
    docs, openapi   /openapi.json, /docs            metrics   /metrics
    errors          any exception as one JSON shape  request_log   id, log line, counters
    access          API keys                         browser       security headers, pages of other origins
check/              does a server keep the hosting contract? asked over HTTP, of this one or any other
service/            Services: what a protocol may call; Inference: one picture through one model; Sessions; Jobs;
                    MultiModel
formats/            result → bytes: json, jsonlines, jpeg, png, clarify (plug-ins)
images/             bytes → picture: limits, decode, sources (plug-ins), fetch
training/           train (COCO folders → a model that can be served), evaluate
evaluation/         average precision, mean IoU: predictions and truth in, numbers out
objects/            s3:// addresses: S3, or a folder that stands for it
models/             locate, artifact (model.tar.gz), repository (what is loaded), loader and budget (loading beside
                    others), record (for a process after this one), embedded (the default model)
rendering/          masks, outlines, boxes and labels on a picture
engines/            models that predict, one a task; architectures by name (plug-ins); torch stays in here
datasets/           coco: folders of labelled photos, read and checked
structures/         Image, Options, Instances, Masks, SemanticMap, Classification, Result, ModelSpec
ops/                paste, rle, polygons, label_map: functions on arrays
cancellation, cores, memory, errors, failure, registry, telemetry/   usable everywhere
"""

__version__ = "0.1.0"
