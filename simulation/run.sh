#!/usr/bin/env bash
# Make the package's factor file, hyperspy_aedenoise/data/sto_o_k.npz, from nothing.
#
# Usage: run.sh [REFERENCE.npz]
#
# With the factor file of an earlier run as REFERENCE, the new one is compared with
# it at the end. Steps whose result is already in the folder `work` are skipped, so
# that an interrupted run can go on; delete that folder to start afresh.
set -euo pipefail

reference=${1:+$(realpath "$1")}
cd "$(dirname "$0")"
mkdir -p work/setups

# One core is enough, and more would only contend for memory.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
# Spectra and weights are evaluated by the package's own code, which needs numpy only.
package=$(realpath ../hyperspy_aedenoise/data)
export PYTHONPATH=$package
TIMEFORMAT="wall %R s, CPU %U s"

{
    date --utc "+%n== %F %T UTC =="

    if [[ -z ${VIRTUAL_ENV:-} ]]; then
        [[ -d work/venv ]] || python3.11 -m venv work/venv
        source work/venv/bin/activate
        pip install -qq -r requirements.txt
    fi
    lscpu | grep "^Model name"
    python --version
    pip freeze | grep -iE "^(abtem|ase|gpaw|gpaw-data|numpy|scipy|sympy)=="

    for hole in half,hch1s,0.5 full,fch1s,1.0; do
        IFS=, read -r name setup charge <<<"$hole"
        [[ -f work/sticks_$name.npz ]] && continue
        echo "-- electronic structure: $name core hole"
        (cd work/setups && gpaw-setup -f PBE --name "$setup" \
            --core-hole="1s,$charge" O >"$setup.txt")
        time python electronic_structure.py "$name" "work/sticks_$name.npz"
    done

    for voltage in 300 200 100; do
        [[ -f work/weights_$voltage.npz ]] && continue
        echo "-- scattering: $voltage kV"
        time python scattering.py "$voltage" "work/weights_$voltage.npz"
    done

    echo "-- factor file"
    python assemble.py work "$package/sto_o_k.npz"
    ls -l "$package/sto_o_k.npz"

    echo "-- checks"
    python check.py "$package/sto_o_k.npz" ${reference:+"$reference"}
} 2>&1 | tee -a run.log
