"""What `endpoint create --dry-run` prints, mode by mode, with no credentials: the parameters of the three calls."""

from typing import Any

import pytest

from tests.deploy.conftest import CPU, GPU, calls, run

NAME = ("--name", "horses")
HOST = "000000000000.dkr.ecr.eu-central-1.amazonaws.com"
TAGS = [{"Key": "maskserve:deployment", "Value": "horses"}]
MODEL = {
    "ExecutionRoleArn": "arn:aws:iam::000000000000:role/maskserve-horses",
    "PrimaryContainer": {"Image": f"{HOST}/maskserve:latest"},
}
SECONDS = {"ContainerStartupHealthCheckTimeoutInSeconds": 600, "ModelDataDownloadTimeoutInSeconds": 600}
VARIANT = {
    "VariantName": "AllTraffic",
    "InstanceType": CPU,
    "InitialInstanceCount": 1,
    "InitialVariantWeight": 1.0,
    **SECONDS,
}
RESERVATION = "arn:aws:sagemaker:eu-central-1:123456789012:training-plan/horses"
AMI = "al2023-ami-sagemaker-inference-gpu-4-1"

CASES: dict[str, tuple[list[str], dict[str, Any], dict[str, Any]]] = {
    "real-time": (["--instance-type", CPU], MODEL, {"ProductionVariants": [VARIANT]}),
    "GPU": (
        ["--instance-type", GPU, "--instances", "2"],
        MODEL,
        {
            "ProductionVariants": [
                VARIANT | {"InstanceType": GPU, "InitialInstanceCount": 2, "InferenceAmiVersion": AMI}
            ]
        },
    ),
    "instance pools": (
        ["--instance-type", CPU, "--pool", "ml.c5.xlarge", "--provision-timeout", "900"]
        + ["--variant", "name=b,instance-type=ml.m5.large"],
        MODEL,
        {
            "ProductionVariants": [
                {key: value for key, value in VARIANT.items() if key != "InstanceType"}
                | {
                    "InstancePools": [
                        {"InstanceType": CPU, "Priority": 1},
                        {"InstanceType": "ml.c5.xlarge", "Priority": 2},
                    ],
                    "VariantInstanceProvisionTimeoutInSeconds": 900,
                },
                VARIANT | {"VariantName": "b", "InstanceType": "ml.m5.large"},
            ]
        },
    ),
    "reservation": (
        ["--instance-type", GPU, "--reservation", RESERVATION],
        MODEL,
        {
            "ProductionVariants": [
                VARIANT
                | {
                    "InstanceType": GPU,
                    "InferenceAmiVersion": AMI,
                    "CapacityReservationConfig": {
                        "CapacityReservationPreference": "capacity-reservations-only",
                        "MlReservationArn": RESERVATION,
                    },
                }
            ]
        },
    ),
    "metrics": (
        ["--instance-type", CPU, "--observability", "--enhanced-metrics", "--metrics-seconds", "10"],
        MODEL,
        {
            "ProductionVariants": [VARIANT],
            "MetricsConfig": {
                "EnableEnhancedMetrics": True,
                "EnableDetailedObservability": True,
                "MetricPublishFrequencyInSeconds": 10,
            },
        },
    ),
    "no observability": (
        ["--instance-type", CPU, "--no-observability"],
        MODEL,
        {"ProductionVariants": [VARIANT], "MetricsConfig": {"EnableDetailedObservability": False}},
    ),
    "serverless": (
        ["--mode", "serverless", "--memory", "4096", "--max-concurrency", "9"],
        MODEL
        | {
            "PrimaryContainer": MODEL["PrimaryContainer"]
            | {"Environment": {"SAGEMAKER_MAX_PAYLOAD_IN_MB": "4", "SAGEMAKER_MODEL_SERVER_WORKERS": "1"}}
        },
        {
            "ProductionVariants": [
                {
                    "VariantName": "AllTraffic",
                    "InitialVariantWeight": 1.0,
                    "ServerlessConfig": {"MemorySizeInMB": 4096, "MaxConcurrency": 9},
                }
            ]
        },
    ),
    "async": (
        ["--mode", "async", "--instance-type", CPU, "--bucket", "pictures", "--per-instance", "2"]
        + ["--error-topic", "arn:aws:sns:eu-central-1:123456789012:errors"],
        MODEL
        | {
            "PrimaryContainer": MODEL["PrimaryContainer"]
            | {"Environment": {"SAGEMAKER_MAX_PAYLOAD_IN_MB": "1024", "SAGEMAKER_MODEL_SERVER_TIMEOUT": "3300"}}
        },
        {
            "ProductionVariants": [VARIANT],
            "AsyncInferenceConfig": {
                "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 2},
                "OutputConfig": {
                    "S3OutputPath": "s3://pictures/maskserve/horses/output",
                    "S3FailurePath": "s3://pictures/maskserve/horses/failures",
                    "NotificationConfig": {"ErrorTopic": "arn:aws:sns:eu-central-1:123456789012:errors"},
                },
            },
        },
    ),
    "everything": (
        ["--instance-type", CPU, "--model", "s3://pictures/m.tar.gz", "--image", f"{HOST}/other:1", "--isolated"]
        + ["--role", "arn:aws:iam::123456789012:role/mine", "--subnet", "subnet-1", "--security-group", "sg-1"]
        + ["--env", "MASKSERVE_QUEUE_SIZE=9", "--attributes", '{"confidence": 0.3}']
        + ["--capture", "bucket", "--bucket", "pictures", "--capture-percent", "7", "--capture-input"],
        {
            "ExecutionRoleArn": "arn:aws:iam::123456789012:role/mine",
            "PrimaryContainer": {
                "Image": f"{HOST}/other:1",
                "ModelDataUrl": "s3://pictures/m.tar.gz",
                "Environment": {
                    "MASKSERVE_MODEL": "/opt/ml/model",
                    "MASKSERVE_QUEUE_SIZE": "9",
                    "MASKSERVE_DEFAULT_ATTRIBUTES": '{"confidence": 0.3}',
                },
            },
            "VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
            "EnableNetworkIsolation": True,
        },
        {
            "ProductionVariants": [VARIANT],
            "DataCaptureConfig": {
                "EnableCapture": True,
                "InitialSamplingPercentage": 7,
                "DestinationS3Uri": "s3://pictures/maskserve/horses/capture",
                "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
                "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
            },
        },
    ),
    "uncompressed": (
        ["--instance-type", CPU, "--model", "s3://pictures/m/"],
        MODEL
        | {
            "PrimaryContainer": MODEL["PrimaryContainer"]
            | {
                "ModelDataSource": {
                    "S3DataSource": {
                        "S3Uri": "s3://pictures/m/",
                        "S3DataType": "S3Prefix",
                        "CompressionType": "None",
                    }
                }
            }
        },
        {"ProductionVariants": [VARIANT]},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_three_calls(case: str) -> None:
    options, model, config = CASES[case]
    made = calls("endpoint", "create", *NAME, *options)
    assert [(call["service"], call["operation"]) for call in made] == [
        ("sagemaker", "CreateModel"),
        ("sagemaker", "CreateEndpointConfig"),
        ("sagemaker", "CreateEndpoint"),
    ]
    models, configs, endpoints = (call["parameters"] for call in made)
    model_name, config_name = models["ModelName"], configs["EndpointConfigName"]
    assert models == {"ModelName": model_name, **model, "Tags": TAGS}
    variants = [variant | {"ModelName": model_name} for variant in config["ProductionVariants"]]
    assert configs == {
        **config,
        "EndpointConfigName": config_name,
        "ProductionVariants": variants,
        "Tags": TAGS,
    }
    assert endpoints == {"EndpointName": "horses", "EndpointConfigName": config_name, "Tags": TAGS}
    assert made == calls("endpoint", "create", *NAME, *options)  # the same wish has the same names


@pytest.mark.parametrize(
    ("key", "more", "models", "weights"),
    [
        ("ProductionVariants", ["--weight", "9", "--variant", "name=b,weight=1,model=s3://pictures/b.tgz"], 2, [9, 1]),
        ("ProductionVariants", ["--variant", f"name=b,instance-type={GPU}"], 1, [1.0, 1.0]),
        ("ShadowProductionVariants", ["--shadow", "name=new,image=maskserve:new"], 2, [1.0]),
    ],
    ids=["two models", "two kinds of instances", "shadow"],
)
def test_variants(key: str, more: list[str], models: int, weights: list[float]) -> None:
    made = calls("endpoint", "create", *NAME, "--instance-type", CPU, *more)
    by_operation = [call["operation"] for call in made]
    assert by_operation.count("CreateModel") == models
    (config,) = (call["parameters"] for call in made if call["operation"] == "CreateEndpointConfig")
    assert [variant["InitialVariantWeight"] for variant in config[key]] == weights
    named = {v["ModelName"] for part in (key, "ProductionVariants") for v in config[part]}
    assert named == {call["parameters"]["ModelName"] for call in made if call["operation"] == "CreateModel"}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ([], "--instance-type is missing"),
        (["--instance-type", "big"], "'big' is no instance type"),
        (["--mode", "serverless", "--instance-type", CPU], "a serverless endpoint takes no --instance-type"),
        (["--mode", "serverless", "--capture", "s3://b/c"], "a serverless endpoint takes no --capture"),
        (["--mode", "serverless", "--security-group", "g"], "a serverless endpoint takes no --security-group"),
        (["--mode", "serverless", "--pool", CPU], "a serverless endpoint takes no --pool"),
        (["--mode", "serverless", "--observability"], "a serverless endpoint takes no --observability"),
        (["--mode", "serverless", "--metrics-seconds", "10"], "a serverless endpoint takes no --metrics-seconds"),
        (["--instance-type", CPU, "--pool", GPU], f"{CPU}, {GPU} need several machine images: choose one by --ami"),
        (["--instance-type", CPU, "--pool", "big"], "'big' is no instance type"),
        (["--instance-type", CPU, "--pool", CPU], "--pool: at most 5 different instance types"),
        (["--instance-type", CPU, *(f"--pool=ml.m5.{n}xlarge" for n in (2, 4, 8, 12, 24))], "--pool: at most 5"),
        (["--instance-type", CPU, "--pool", "ml.m5.large", "--reservation", RESERVATION], "exclude each other"),
        (["--instance-type", CPU, "--reservation", "mine"], "does not match"),
        (["--instance-type", CPU, "--metrics-seconds", "11"], "'11' is not one of '10', '30', '60'"),
        (["--instance-type", CPU, "--provision-timeout", "9"], "9 is not in the range 300<=x<=3600"),
        (["--instance-type", CPU, "--memory", "1024"], "--memory is for --mode serverless"),
        (["--instance-type", CPU, "--output", "s3://b/c"], "--output is for --mode async"),
        (["--instance-type", CPU, "--mode", "async"], "--bucket is missing, which --mode async needs"),
        (["--instance-type", CPU, "--env", "A"], "--env A: NAME=VALUE is meant"),
        (["--instance-type", CPU, "--attributes", "[]"], "no JSON object"),
        (["--instance-type", CPU, "--subnet", "s"], "go together"),
        (["--instance-type", CPU, "--variant", "nmae=b"], "unknown nmae; known: name, image"),
        (["--instance-type", CPU, "--variant", "weight=1"], "name=… is missing"),
        (["--instance-type", CPU, "--variant", "name=b,weight=much"], "weight is 'much', which is no number"),
        (["--instance-type", CPU, "--variant", "name=b c"], "VariantName 'b c' does not match"),
        (["--instance-type", CPU, "--shadow", "name=b", "--variant", "name=c"], "--shadow goes with one variant"),
        (["--instance-type", CPU, "--role", "arn:aws:iam::1:role/x"], "ExecutionRoleArn"),
        (["--instance-type", CPU, "--image", "123456789012.dkr.ecr.us-east-1.amazonaws.com/m"], "lies in us-east-1"),
        (["--instance-type", CPU, "--model", "nowhere"], "no such file or folder"),
        (["--instance-type", CPU, "--name", "horses_1"], "does not match"),
        (["--instance-type", CPU, "--name", "h" * 60], "has 69 characters; 63 are allowed"),
        (["--instance-type", "ml.inf2.xlarge"], "AWS's own accelerators"),
    ],
)
def test_mistakes_are_told_before_any_call(options: list[str], problem: str) -> None:
    result = run("--dry-run", "endpoint", "create", *NAME, *options, code=None)
    assert result.exit_code in (1, 2) and result.stdout == ""
    assert problem in result.stderr


def test_update() -> None:
    made = calls("endpoint", "update", *NAME, "--instance-type", CPU, "--rollout", "linear", "--rollback-on-errors")
    assert [call["operation"] for call in made] == [
        "PutMetricAlarm",
        "CreateModel",
        "CreateEndpointConfig",
        "UpdateEndpoint",
    ]
    assert made[-1]["parameters"] == {
        "EndpointName": "horses",
        "EndpointConfigName": made[2]["parameters"]["EndpointConfigName"],
        "DeploymentConfig": {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {
                    "Type": "LINEAR",
                    "WaitIntervalInSeconds": 300,
                    "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 20},
                }
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "horses-AllTraffic-5xx"}]},
        },
    }
    plain = calls("endpoint", "update", *NAME, "--instance-type", CPU)[-1]["parameters"]
    assert set(plain) == {"EndpointName", "EndpointConfigName"}


def test_update_wants_alarms_that_are_there(account: None) -> None:
    failed = run("endpoint", "update", *NAME, "--instance-type", CPU, "--alarm", "none", code=1)
    assert "there is no alarm none" in failed.stderr
