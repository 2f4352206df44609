#!/bin/sh
# Installs the clients of others that the gateway is asked through: install.sh FOLDER. What is there already stays.
set -eu
mkdir -p "$1"
cd "$1"
[ -x python/bin/llm-comply ] || { python3 -m venv python && python/bin/pip install --quiet --disable-pip-version-check openai==3.57.0 llm-comply==0.5.0; }
[ -d node_modules/compatcanary ] || npm install --silent --no-audit --no-fund openai@7.57.0 compatcanary@0.2.2
