#!/usr/bin/env bash
# What is generated from the option tables, and committed, is what they say now.
set -euo pipefail
tools/generate --check
