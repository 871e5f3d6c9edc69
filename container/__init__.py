"""Maskserve: image bytes in; labels, boxes, masks or a rendered picture out.

From the top down; imports go down only (tests/test_layers.py):

cli, __main__       serve | predict | pack | models
app                 create_app: the only place where the parts are joined
predict             prediction without a server
wsgi, worker, gunicorn_conf   what gunicorn needs
loads               how loading went, from the workers to gunicorn's master
framing             where a request ends: what gunicorn's parser must not let through
settings            the environment, read once
protocols/          HTTP in, HTTP out
    sagemaker/      endpoint (/ping, /invocations, /execution-parameters), runtime (/endpoints/NAME/invocations),
                    multi_model (/models), target, invocation (one request), negotiation, attributes, body
    docs, openapi   /openapi.json, /docs            metrics   /metrics
    errors          any exception as one JSON shape  request_log   id, log line, counters
    access          API keys                         browser       security headers, pages of other origins
service/            Services: what a protocol may call; Inference: one picture through one model; MultiModel
formats/            result → bytes: json, jpeg, png, clarify (plug-ins)
images/             bytes → picture: limits, decode, sources (plug-ins), fetch
training/           train (COCO folders → a model that can be served), evaluate
evaluation/         average precision, mean IoU: predictions and truth in, numbers out
models/             locate, artifact (model.tar.gz), repository (what is loaded), loader and budget (loading beside
                    others), record (for a process after this one), embedded (the default model)
rendering/          masks, outlines, boxes and labels on a picture
engines/            models that predict, one a task; architectures by name (plug-ins); torch stays in here
datasets/           coco: folders of labelled photos, read and checked
structures/         Image, Options, Instances, Masks, SemanticMap, Classification, Result, ModelSpec
ops/                paste, rle, polygons, label_map: functions on arrays
cores, memory, errors, failure, registry, telemetry/   usable everywhere
"""

__version__ = "0.1.0"
