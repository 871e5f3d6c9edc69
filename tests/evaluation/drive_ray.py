"""Run by the Python that Ray is installed in: the block of docs/evaluation.md on a folder of Parquet files."""

import re
import sys
from pathlib import Path

import ray

chapter, folder = Path(sys.argv[1]).read_text(encoding="utf-8"), sys.argv[2]
block = re.search(r"```python\n(import numpy as np\nimport ray\n.*?)```", chapter, re.DOTALL)
assert block is not None
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
exec(block[1].replace("s3://bucket/boxes", folder))
