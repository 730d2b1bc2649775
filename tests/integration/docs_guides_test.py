#!/usr/bin/python3
"""The guides are followed literally: docs/, and the page of the plugin template."""
import glob
import os
import sys

import pages

with open(os.path.join(os.environ["POTLINE_BUILD"], "CMakeCache.txt"), encoding="utf-8") as cache:
    sanitized = any(line.startswith("POTLINE_SANITIZE:") and line.strip()[-1] != "=" for line in cache)
if sanitized:
    print("skipped: a sanitizer's engine takes no plugins built without it")
    sys.exit(77)
pages.main([page for page in sorted(glob.glob("docs/*.md")) if page != "docs/operators.md"]
           + ["tools/plugin-template/README.md"])
