"""Maskserve: image bytes in; labels, boxes, masks or a rendered picture out.

From the top down; imports go down only (tests/test_layers.py):

cli, __main__       serve | check | predict | train | evaluate | pack | models | store
app                 create_app: the only place where the parts are joined
predict             prediction without a server
server/             what stands around gunicorn: application (its settings and hooks), worker, framing (where a request
                    ends), slow_clients (which are shed when threads, sockets or memory run low), threads, startup (how
                    loading went, from the workers to the master), listening (whether the address can be listened on)
settings            what an operator may set, read from the environment once
protocols/          languages that clients speak over HTTP, a folder each; none knows another
    sagemaker/      protocol (its paths, keys, errors), endpoint (/ping, /invocations, /execution-parameters),
                    multi_model (/models), runtime and async_invocation (/endpoints/NAME/…), routers (/inference-…),
                    runtime_errors, invocation (one request), documents (forms and JSON), messages, negotiation,
                    sessions, embedding (pictures and texts), workflows (run in place of the model), streaming,
                    event_stream, async_queue, openapi
    roboflow/       protocol (its paths, keys, errors), v1 (/infer/TASK), v0 (/PROJECT/VERSION), inference (one
                    request), fields (what it asks for), answers, registry (/model/…), server (/info), responses,
                    sam and sam2 (prompts; what they share is in segmenting), clip, ocr, gaze, lmm, workflows,
                    unavailable (501), openapi and workflow_openapi
    nucleus/        protocol (its paths, keys, limits, errors), backend (what its routes work with), datasets, items,
                    appending (items), annotations (ground truth), models, runs, predictions (uploaded), readings (of
                    them), exports, jobs (as clients see them) and their work, uploads and the addresses that are
                    signed, intake (of objects in one request), attachments (their masks), documents and forms (bodies
                    of any size, as streams), bodies (small ones), names (in paths), replies, shapes (of objects),
                    commits and their matches, evaluations and their figures, benchmarks and what they are made of
                    (benchmark_sources), configs (rules of these), presets, leaderboards, unavailable (501), openapi
web/                what HTTP needs whatever the protocol
    protocol        what a protocol is, and their table      site     whose a path is, and which route answers
    body, forms     limits and reading of bodies             errors   any exception as its protocol's response
    access          API keys, and pages of other origins     request_log   id, log line, counters, headers
    common          the routes beside all protocols          openapi  how a route describes itself, and sections
    page            / and what it has to know                docs     /docs and its files, /openapi.json
    assets          static files, by ETag and compressed
    streaming       bodies that are made while they are sent
page/               the page at /, as it is sent: index.html and style.css; main mounts parts, app (what the page knows)
                    tells them; api and key (requests), ask (a photo to the server), answer and rle (what comes back);
                    viewer, raster and marks (how it is drawn, in colors), gestures; intake, camera and strip (photos);
                    objects, controls, classes and know (the panel), tabs, dom; take (files) with pictures, exports and
                    trace (masks as polygons), code with snippets, roboflow_snippet and quoting, and invocation;
                    runs.html: runs (which one is shown), nucleus (what the store is asked), figures, curves,
                    confusion, misses and miss_picture
workflows/          steps that a specification joins: definition (read), graph (references, order, levels), executor
                    (a step for all pictures of a level at once), inputs, serialise (outputs as JSON), run (all of it),
                    models (that steps ask), manifest (what a block is) and its kinds, values, errors;
                    operations (on values); blocks, a file each; named (files in a folder, and builtin), describe (of
                    blocks) and interface (of a workflow), with kind_schemas
check/              does a server keep the hosting contract? asked over HTTP, of this one or any other
service/            Services: what a protocol may call; Pipeline: decode, predict, encode; RequestContext; Sessions;
                    Segmenter and Embeddings: by prompts, a picture embedded once; embedding (pictures and texts as
                    vectors), reading (of text), language (questions about pictures); by_id (models as Roboflow's
                    clients name them, and what they are asked); recording (what models answer, into the store), as
                    answers (objects of the store), and drifting (how far it is from a baseline)
scoring/            predictions of the store compared with its truth: scorer (whom a protocol asks), process and child
                    (what computes, at the lowest priority), work (of jobs), reading, objects and masks (out of the
                    store), parts (pairs) and arrays, config and exclusions (rules), questions, examples and summary;
                    and a run's report without a server: stored, overlays, pictures, outputs
exchange/           datasets and runs of the store as COCO's files and back: files (read and checked), entries (one of
                    them as objects), reading (into the store), things (its objects as entries), writing
formats/            result → bytes: json, jsonlines, jpeg, png, clarify, txt (plug-ins); vectors (embeddings)
images/             bytes → picture: decode, headers (a file a format), rgb (Pillow's modes), samples (TIFFs that have
                    none), scale (more than 8 bits), kinds (what is no picture), pixel_budget, remote, and sources
                    (plug-ins)
training/           train (COCO folders → a model that can be served), evaluate, pixels (photos and labels, upright)
evaluation/         average precision, mean IoU: predictions and truth in, numbers out; of whole datasets as arrays:
                    sample, geometry and pairing, matching, coco (equal to pycocotools), outcomes, tide, charts,
                    filters, narrowing, bootstrap (is a run better?), drift, and what becomes a sample: columns (of
                    tables), photos (of a folder)
store/              datasets, ground truth, predictions and jobs: store (the whole), database (transactions) and
                    postgresql, tables and their columns, migrations, objects (what is uploaded), with checks and
                    derived (ids), datasets, items, annotations (truth and predictions), models, runs, evaluations
                    (what was compared), benchmarks, presets, tags, recorded (what was served), jobs and their runner,
                    upserts; blobs and uploads, whose files lie on a disk or in S3, by its places; verifying,
                    backups and archives (of all of it)
s3/                 s3:// addresses: S3, or a folder that stands for it: store (of what clients name), objects (of what
                    the server itself keeps)
models/             pool (the owner of what is loaded), slot (one model of it), policies (what is loaded when, a file
                    each: catalogue, explicit), budget (memory), loading, locate, store (models by id in a folder),
                    artifact (model.tar.gz, read) and packing (written), fetch (make sam), embedded (the default model)
rendering/          pictures of what was found: overlay (masks, outlines, boxes, annotations; labels with their
                    placement, leaders and legend), plain (masks, ids, cutouts), effects, crops; palette; charts:
                    sheet, curves, matrix
engines/            models that predict: base, queue, devices, runtime, building, weight_files, preprocessing (what a
                    network sees of a picture), selection and one_stage (which boxes stay), promptable (embed, then
                    segment), huggingface and tensor_files (folders of transformers; allowance: what they may ask for),
                    segment_anything and meta_sam (SAM of these), clip, lmm and lmm_folders, text (found and
                    read) and trocr (a line of it), onnx_… (pairs of graphs), gaze and gaze_graphs, graph_trial (graphs
                    are tried in a process of their own); kinds: one a task, and architectures by name (plug-ins);
                    torch stays in here
datasets/           folders of labelled photos, read and checked: base (what was read), coco, label_maps; of COCO's the
                    annotation_files (which JSON), photos (where they lie), annotations (one of them), account (what
                    was passed over, mended or broken)
checkpoints/        weights files that are pickles → safetensors, in a process that runs nothing of them
structures/         Image, Options, Instances, Masks, SemanticMap, Classification, Result, ModelSpec, Preprocessing,
                    prompts, clip, gaze, lmm; strict_json (of them), npy (of arrays), keypoints (COCO's), texts
ops/                paste, rle, polygons, argmax, contrast, crops, text (where it is): functions on arrays
background (work that gives way to predictions), cancellation, cores, environment (records that are read from it),
memory, errors, failure, fields, files, gate (how many threads compute at once), registry, telemetry/, usage (of command
lines) usable everywhere
"""

__version__ = "0.1.0"
