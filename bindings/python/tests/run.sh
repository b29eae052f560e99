#!/bin/sh
# The Python suite: run.sh VENV WASM [pytest argument ...]
#
# VENV has the wheel and what requirements-test.txt lists; WASM is the module
# for the other engine. CI is sharper: what is missing there is a failure.
set -eu
bin=$1/bin
export MASKINPORTEN_WASM=$2
shift 2
cd "$(dirname "$0")/.."

"$bin/ruff" check .
"$bin/ruff" format --check .
"$bin/mypy"
"$bin/pyright" --pythonpath "$bin/python"
"$bin/pytest" "$@"

# The same package on WebAssembly: what can differ, without what only takes time.
cd tests
MASKINPORTEN_ENGINE=wasm "$bin/pytest" -q -k 'not f53 and not f85 and not stale and not processes and not built_in' "$@" \
  test_source.py test_async.py test_auth.py test_bad_input.py test_errors.py test_diagnosis.py test_signer.py \
  test_transport.py test_store.py test_events.py test_lease.py test_process.py
