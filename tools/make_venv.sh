#!/bin/sh
# make_venv.sh FOLDER: create a virtual environment with pip in FOLDER, on Python 3.11 or later.
#
# Takes $PYTHON if it is set, else python3 if it is 3.11 to 3.14 (which the locks have wheels for),
# else the newest of those versions that is there, else a later python3. A working environment that is already there is kept. Says exactly what to install otherwise.
set -eu

folder=${1:?usage: make_venv.sh FOLDER}
here=$(pwd -P)

known='import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))'
new_enough='import sys; sys.exit(sys.version_info < (3, 11))'
complete='import ensurepip, venv'
version='import sys; print("%d.%d" % sys.version_info[:2])'

# Scripts and the editable install hold absolute paths: a folder that was moved is made anew.
made_for=$(cat "$folder/.made" 2>/dev/null || echo "$here")
if [ "$made_for" = "$here" ] \
    && "$folder/bin/python" -c "$new_enough" 2>/dev/null \
    && "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    printf '%s\n' "$here" >"$folder/.made"
    exit 0
fi

chosen=
without_venv=
# pick TEST CANDIDATE…: choose the first candidate that passes TEST and can create environments.
pick() {
    passes=$1
    shift
    for candidate in "$@"; do
        [ -z "$chosen" ] || return 0
        "$candidate" -c "$passes" >/dev/null 2>&1 || continue
        if "$candidate" -c "$complete" >/dev/null 2>&1; then
            chosen=$candidate
        else
            : "${without_venv:=$candidate}"
        fi
    done
}

if [ -n "${PYTHON:-}" ]; then
    pick "$new_enough" "$PYTHON"
else
    pick "$known" python3 python3.14 python3.13 python3.12 python3.11 python
    pick "$new_enough" python3 python
fi

if [ -z "$chosen" ]; then
    if [ -n "$without_venv" ]; then
        found=$("$without_venv" -c "$version")
        {
            echo "vsphere-market: Python $found ($without_venv) cannot create virtual environments:" \
                "its modules venv and ensurepip are missing."
            echo "On Debian and Ubuntu: sudo apt-get install python$found-venv"
            echo "Elsewhere: install the package of Python $found that holds ensurepip. Then run make again."
        } >&2
    elif [ -n "${PYTHON:-}" ]; then
        {
            echo "vsphere-market: PYTHON=$PYTHON is not a Python 3.11 or later."
            echo "Name another interpreter, or leave PYTHON unset. Then run make again."
        } >&2
    else
        found=$(python3 -c "$version" 2>/dev/null || echo none)
        {
            echo "vsphere-market: no Python 3.11 or later on the PATH (python3 is: $found)."
            echo "Debian 12+, Ubuntu 24.04+: sudo apt-get install python3 python3-venv"
            echo "Fedora, RHEL 9+:           sudo dnf install python3.12"
            echo "macOS:                     brew install python@3.13"
            echo "Or name an interpreter:    make PYTHON=/path/to/python3.12 test"
        } >&2
    fi
    exit 1
fi

echo "creating $folder with Python $("$chosen" -c "$version")"
rm -rf "$folder"
"$chosen" -m venv "$folder"
printf '%s\n' "$here" >"$folder/.made"
