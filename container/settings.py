"""What an operator may set: one frozen record, read from the environment once.

Read by cli, and handed to server, app and predict; everything below them gets values as arguments. The README's table
of settings is compared with this file by a test.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from container.environment import read, setting, settings_of, variables_of
from container.fields import DATABASE, DATASET, DEVICE, KEYS, ORIGINS, URL, Number, Text, Word, comma_list, each


def pairs(text: str) -> dict[str, str]:
    """Return the parts of a comma-separated setting, NAME=VALUE each, as a dict."""
    return dict(part.split("=", 1) for part in comma_list(text))


_AT_LEAST_0, _AT_LEAST_1 = Number(0, whole=True), Number(1, whole=True)
_ALIASES = Text(
    "ALIAS=ID, separated by commas, each alias once",
    lambda text: each(r"[^=\s]+=[^=\s]+")(text) and len(pairs(text)) == len(comma_list(text)),
)

_NEEDS = {"store_database": "store", "store_predictions": "store", "store_predictions_baseline": "store_predictions"}
_BY_ID = ("model_store", "max_active_models", "model_aliases")  # which say what is loaded by id, not by /models


@dataclass(frozen=True)
class Settings:
    """Every setting with its default; `from_environ` reads and checks the environment."""

    port: int = setting(8080, "Port to listen on.", "SAGEMAKER_BIND_TO_PORT", takes=Number(1, 65535, whole=True))
    workers: int = setting(
        1, "Server processes, each with a copy of the model.", "SAGEMAKER_MODEL_SERVER_WORKERS", takes=_AT_LEAST_1
    )
    timeout: float = setting(
        0.0,
        "Seconds a request may take; 0 means 55, or 3300 in a batch transform.",
        "SAGEMAKER_MODEL_SERVER_TIMEOUT",
        "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS",
        takes=Number(0, 86400),
    )
    default_accept: str = setting(
        "application/json", "Response type where the caller names none.", "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"
    )
    max_payload_mb: float = setting(
        25.0, "Largest request body in MB; 0 means no limit.", "SAGEMAKER_MAX_PAYLOAD_IN_MB", takes=Number(0, 4096)
    )
    base_dir: str = setting(
        "/opt/ml",
        "The model is looked for in its folder `model`, those of a multi-model endpoint in `models`.",
        "SAGEMAKER_BASE_DIR",
    )
    log_level: int = setting(
        20, "Python's numeric log level; 30 logs no successful requests.", "SAGEMAKER_CONTAINER_LOG_LEVEL"
    )
    batch: bool = setting(False, "Set by SageMaker in a batch transform.", "SAGEMAKER_BATCH")
    max_concurrent_transforms: int = setting(
        0,
        "Answer of /execution-parameters; 0 means as many as keep the model at work, within SageMaker's rule.",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS",
        takes=_AT_LEAST_0,
    )
    sessions_expiration: float = setting(
        1200.0, "Seconds after which a sticky session ends.", "SAGEMAKER_SESSIONS_EXPIRATION", takes=Number(1, 86400)
    )
    multi_model: bool = setting(
        False,
        "Models are loaded and unloaded by /models while the server runs, in one process.",
        "SAGEMAKER_MULTI_MODEL",
    )

    protocols: str = setting(
        "", "Protocols to speak, separated by commas: `sagemaker`, `roboflow`, `nucleus`; empty means all.", "PROTOCOLS"
    )
    host: str = setting(
        "0.0.0.0",
        "Address to listen on; `::` means IPv6, and IPv4 too unless the system keeps them apart.",
        "HOST",
    )
    model: str = setting(
        "",
        "`default`, `ocr`, an architecture's name, a folder or a model.tar.gz; empty: what lies in base_dir.",
        "MODEL",
    )
    weights: str = setting("", "For an architecture: a weights file, or a name such as `COCO_V1`.", "WEIGHTS")
    labels: str = setting("", "For an architecture with a weights file: class names, separated by commas.", "LABELS")
    device: str = setting(
        "auto", "`auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:N`.", "DEVICE", takes=DEVICE
    )
    precision: str = setting(
        "fp32", "`fp32`, `bf16` or `fp16` (CUDA only).", "PRECISION", takes=Word(("fp32", "bf16", "fp16"))
    )
    backend: str = setting(
        "auto",
        "What computes on a CPU: `openvino`, `torch`, or `auto`: OpenVINO where it is installed.",
        "BACKEND",
        takes=Word(("auto", "openvino", "torch")),
    )
    cpu_threads: int = setting(
        0,
        "Threads of one inference on a CPU; 0 means the cores shared by the workers.",
        "CPU_THREADS",
        takes=_AT_LEAST_0,
    )
    queue_size: int = setting(
        64, "Requests that wait for the model before others are refused with 503.", "QUEUE_SIZE", takes=_AT_LEAST_1
    )
    batch_size: int = setting(
        8, "Waiting requests that a GPU takes at once; a CPU takes one.", "BATCH_SIZE", takes=_AT_LEAST_1
    )
    default_attributes: str = setting(
        "",
        'Custom attributes for requests that do not set them, as JSON: `{"confidence": 0.3, "masks": "rle"}`.',
        "DEFAULT_ATTRIBUTES",
    )
    endpoint_names: str = setting(
        "", "Names answered on /endpoints/NAME/invocations, separated by commas; empty means any.", "ENDPOINT_NAMES"
    )
    api_key: str = setting(
        "",
        "API keys, separated by commas, one of which every request but /ping must carry; empty asks for none.",
        "API_KEY",
        secret=True,
        takes=KEYS,
    )
    cors_origins: str = setting(
        "",
        "Origins whose web pages may call this server, separated by commas; `*`, only with an API key, means all.",
        "CORS_ORIGINS",
        takes=ORIGINS,
    )
    model_store: str = setting(
        "",
        "A folder of more models, loaded when asked for by id: `PROJECT/VERSION.tar.gz` in it is `PROJECT/VERSION`.",
        "MODEL_STORE",
    )
    max_active_models: int = setting(
        8,
        "Models of that folder that are loaded at once, the served one counted; the one used longest ago gives way.",
        "MAX_ACTIVE_MODELS",
        takes=_AT_LEAST_1,
    )
    model_aliases: str = setting(
        "",
        "More ids of models, separated by commas, as `coco-dataset-vdnr1/2=maskrcnn/1`.",
        "MODEL_ALIASES",
        takes=_ALIASES,
    )
    max_detections: int = setting(
        1000,
        "Most instances that a request may ask for with masks or keypoints; a model's own default may be higher.",
        "MAX_DETECTIONS",
        takes=_AT_LEAST_1,
    )
    max_pixels: int = setting(50_000_000, "Largest picture, in pixels.", "MAX_PIXELS", takes=_AT_LEAST_1)
    max_scans: int = setting(
        100, "Most scans of a progressive JPEG; the largest may have 30.", "MAX_SCANS", takes=_AT_LEAST_1
    )
    async_output: str = setting(
        "",
        "s3:// path below which answers to asynchronous requests go; empty turns these requests off.",
        "ASYNC_OUTPUT",
    )
    async_inputs: str = setting(
        "",
        "s3:// paths, separated by commas, below which such requests may name pictures; empty: they carry them.",
        "ASYNC_INPUTS",
    )
    local_s3: str = setting(
        "", "A folder that stands for S3: s3://bucket/key is FOLDER/bucket/key; empty means S3.", "LOCAL_S3"
    )
    store: str = setting(
        "",
        "A folder for datasets, predictions and model runs, read on /v1/nucleus; or s3://BUCKET/PATH for their files, "
        "with a database; empty: they are not kept.",
        "STORE",
    )
    store_database: str = setting(
        "",
        "The PostgreSQL database of that store, as postgresql://USER:PASSWORD@HOST/NAME; empty: a file in its folder.",
        "STORE_DATABASE",
        secret=True,
        takes=DATABASE,
    )
    store_max_request_mb: float = setting(
        128.0,
        "Largest request in MB that brings items, annotations or predictions.",
        "STORE_MAX_REQUEST_MB",
        takes=Number(1, 4096),
    )
    store_max_upload_mb: float = setting(
        512.0,
        "Largest upload in MB to an address that this server has signed.",
        "STORE_MAX_UPLOAD_MB",
        takes=Number(1, 4096),
    )
    store_predictions: str = setting(
        "",
        "A dataset of the store in which answers are recorded, made when first needed; empty: they are not.",
        "STORE_PREDICTIONS",
        takes=DATASET,
    )
    store_predictions_max: int = setting(
        1_000_000,
        "Most predictions that are kept there; those of the oldest pictures go first.",
        "STORE_PREDICTIONS_MAX",
        takes=_AT_LEAST_1,
    )
    store_predictions_baseline: str = setting(
        "",
        "A run's id: /metrics tell how far the last answers are from it; empty: they do not.",
        "STORE_PREDICTIONS_BASELINE",
    )
    public_url: str = setting(
        "",
        "What the addresses of uploads and masks begin with, as https://masks.example.com; empty: the request's Host.",
        "PUBLIC_URL",
        takes=URL,
    )
    sessions_mb: float = setting(
        256.0,
        "Memory in MB for sticky sessions, with one worker; 0 turns them off.",
        "SESSIONS_MB",
        takes=Number(0, 65536),
    )
    sam_cache_mb: float = setting(
        256.0,
        "Memory in MB for embeddings: 4 or 16 a picture of Segment Anything, 0.003 a vector of CLIP; 0 keeps none.",
        "SAM_CACHE_MB",
        takes=Number(0, 1_048_576),
    )
    lmm: str = setting(
        "",
        "The language model of that store, as `lmm/ID`, that answers for CogVLM; empty: the only one.",
        "LMM",
    )
    workflows: str = setting(
        "",
        "A folder of workflows, which are run by name: `NAME.json` in it is the workflow `NAME`.",
        "WORKFLOWS",
    )
    invoke_workflow: str = setting(
        "",
        "The workflow that /invocations runs; empty: the one in the model's artifact, or else the model alone.",
        "INVOKE_WORKFLOW",
    )
    workflows_profiling: bool = setting(
        False,
        "Requests may ask how long each step of a workflow took.",
        "WORKFLOWS_PROFILING",
        "ENABLE_WORKFLOWS_PROFILING",
    )
    url_hosts: str = setting(
        "", "Hosts that pictures may be fetched from, separated by commas; empty turns URLs off.", "URL_HOSTS"
    )
    url_timeout: float = setting(
        10.0, "Seconds that fetching a picture may take.", "URL_TIMEOUT", takes=Number(0, above=True)
    )
    read_seconds: float = setting(
        30.0,
        "Seconds that a client may take to send a request; twice as many to take the answer.",
        "READ_SECONDS",
        takes=Number(1),
    )
    drain_seconds: float = setting(
        2.0,
        "Seconds after SIGTERM in which requests are still taken while /ping answers 503.",
        "DRAIN_SECONDS",
        takes=Number(0, 20),
    )
    # What they were read from, out of which a protocol reads a record of its own by `read`.
    environ: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read every variable that is set and not empty; ValueError names the variable, its value and what it takes."""
        return replace(read(cls, environ), environ=environ)

    def __post_init__(self) -> None:
        for f in settings_of(type(self)):
            takes, value = f.metadata["takes"], getattr(self, f.name)
            if not takes.fits(value):
                shown = repr(value) if f.repr else "set to something else"
                raise ValueError(f"{variables(f.name)[0]} is {shown}; it takes {takes.range}")
        for f in settings_of(type(self)):
            if self.multi_model and f.name in _BY_ID and getattr(self, f.name) != f.default:
                raise ValueError(
                    f"{variables(f.name)[0]} is set beside SAGEMAKER_MULTI_MODEL, with which POST /models loads models"
                )
        for name, needed in _NEEDS.items():
            if getattr(self, name) and not getattr(self, needed):
                raise ValueError(f"{variables(name)[0]} is set without {variables(needed)[0]}, which it needs")
        if "*" in comma_list(self.cors_origins) and not self.api_key:
            raise ValueError(
                "MASKSERVE_CORS_ORIGINS is '*' without MASKSERVE_API_KEY: any web page that is open where this server "
                "can be reached could use it; name the origins, or set a key"
            )

    @property
    def address(self) -> str:
        """Host and port to listen on, as in a URL: an IPv6 address in brackets."""
        host = self.host.removeprefix("[").removesuffix("]")
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    @property
    def deadline_seconds(self) -> float:
        """Seconds a request may take, the default filled in."""
        return self.timeout or (3300.0 if self.batch else 55.0)

    @property
    def processes(self) -> int:
        """Server processes: of models that are loaded on demand, one process would not have what another has loaded."""
        return 1 if self.multi_model or self.model_store else self.workers

    @property
    def max_body_bytes(self) -> int | None:
        """Largest request body in bytes, or None for no limit."""
        return int(self.max_payload_mb * 1024 * 1024) or None


def variables(name: str) -> tuple[str, ...]:
    """The environment variables that a setting is read from, first one first."""
    return variables_of(Settings, name)
