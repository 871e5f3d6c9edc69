"""What somebody does with Scale's client, in its own environment: send truth, commit a run, read its figures.

python client.py PLAN.json
"""

import json
import sys
import time
from pathlib import Path

import nucleus

plan = json.loads(Path(sys.argv[1]).read_text())
client = nucleus.NucleusClient(api_key="any")
while not (there := [one for one in client.datasets if one.name == plan["dataset"]]):  # answers are written later
    time.sleep(0.5)
(dataset,) = there
while dataset.size < plan["pictures"]:
    time.sleep(0.5)
runs = [client.get_model_run(run, dataset.id) for run in dataset.model_runs]
run = next(one for one in runs if one.info()["name"].startswith(f"{plan['model']} "))
while sum(map(len, run.ungrouped_export().values())) < plan["objects"]:
    time.sleep(0.5)
if plan["truth"]:
    boxes = [
        nucleus.BoxAnnotation(label, *box, reference_id=reference_id, annotation_id=f"truth {number}")
        for reference_id, objects in plan["truth"].items()
        for number, (label, box) in enumerate(objects)
    ]
    dataset.annotate(boxes)
run.commit()
while run.info()["status"] != "Completed":
    time.sleep(0.2)
figures = client.get(f"modelRun/{run.model_run_id}/metrics")
print(json.dumps({"run": run.model_run_id, "name": run.info()["name"], "figures": figures}))
