#!/usr/bin/env bash
# The numerical tests under several BLAS kernels, with one and two threads, and their values compared.
#
#   tests/kernels.sh                          every kernel this processor runs, one and two threads
#   KERNELS="Haswell Zen" THREADS=1 tests/kernels.sh tests/multivariate
#
# Arguments are passed on to pytest instead of the numerical folders.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
kernels=${KERNELS:-SkylakeX Haswell Zen Nehalem}
threads=${THREADS:-1 2}
workers=${WORKERS:-auto}
numerical=(tests/univariate tests/multivariate tests/networks tests/numerics tests/objectives tests/scores
           tests/samplers tests/baselines tests/arrangements tests/targets tests/claims/test_equivalences.py
           tests/claims/test_optimality.py tests/claims/test_protocols.py tests/test_theory.py tests/test_solve.py)
[ $# -eq 0 ] || numerical=("$@")
values=$(mktemp -d)
trap 'rm -rf "$values"' EXIT

runs_here() {
    [ ! -r /proc/cpuinfo ] && return 0
    case $1 in
        SkylakeX) grep -q avx512f /proc/cpuinfo ;;
        Haswell | Zen) grep -q avx2 /proc/cpuinfo ;;
        *) true ;;
    esac
}

for kernel in $kernels; do
    if ! runs_here "$kernel"; then
        echo "$kernel: not run, this processor lacks its instructions"
        continue
    fi
    for count in $threads; do
        echo "== $kernel, threads: $count"
        export OPENBLAS_CORETYPE=$kernel OPENBLAS_NUM_THREADS=$count
        "$python" -m pytest -q -n "$workers" "${numerical[@]}"
        "$python" -m tests.kernel_values > "$values/$kernel-$count.json"
    done
done
"$python" -m tests.kernel_values --compare "$values"/*.json
