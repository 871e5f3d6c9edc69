"""A program of SageMaker's Python SDK, as its users write it; runs in the SDK's own environment, see local_mode.

python sdk_client.py IMAGE PORT FOLDER     FOLDER holds model.tar.gz and photos/; the last line is JSON
"""

import json
import sys
import time
from pathlib import Path

import boto3
from sagemaker.deserializers import BytesDeserializer, JSONDeserializer
from sagemaker.local import LocalSession
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.serializers import IdentitySerializer


def main(image: str, port: str, folder: Path) -> None:
    session = LocalSession(boto3.Session(region_name="us-east-1"))
    session.config = {"local": {"local_code": True, "serving_port": int(port), "container_root": str(folder)}}
    model = Model(
        image_uri=image,
        model_data=f"file://{folder}/model/model.tar.gz",
        role="arn:aws:iam::000000000000:role/none",
        name="maskserve",
        predictor_cls=Predictor,
        sagemaker_session=session,
    )
    photo = next((folder / "photos").iterdir()).read_bytes()
    seen: dict[str, object] = {}

    started = time.monotonic()
    predictor = model.deploy(
        initial_instance_count=1,
        instance_type="local",
        serializer=IdentitySerializer("image/jpeg"),
        deserializer=JSONDeserializer(),
        endpoint_name="maskserve",
        wait=False,  # it does wait for /ping; with True it asks itself again after 30 s
    )
    seen["deploy seconds"] = time.monotonic() - started
    try:
        seen["json"] = predictor.predict(photo)
        predictor.deserializer = BytesDeserializer(accept="image/png")
        seen["png"] = predictor.predict(photo)[:24].hex()
    finally:
        predictor.delete_endpoint()

    time.sleep(3)  # the SDK does not wait until the port is free again
    transformer = model.transformer(
        instance_count=1,
        instance_type="local",
        strategy="SingleRecord",
        accept="application/json",
        output_path=f"file://{folder}/out",
    )
    # Done when it returns; with wait=True it would look for the job's log in CloudWatch.
    transformer.transform(f"file://{folder}/photos", content_type="image/jpeg", job_name="maskserve", wait=False)
    seen["outputs"] = {path.name: json.loads(path.read_bytes()) for path in (folder / "out").rglob("*.out")}
    print(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
