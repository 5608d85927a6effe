#!/bin/sh
# Makes .venv and installs locked dependencies: `local` (what `make up` needs), `dev` (that and the tools), `bench` (that and
# what we are compared with), `uv` (only that).
# A second run finds its stamp and takes no time. PYTHON may name the interpreter to use.
set -eu

group=$1
cd "$(dirname "$0")/../.."
root=$(pwd -P)
stamps=.venv/.installed
export PIP_DISABLE_PIP_VERSION_CHECK=1

right_version='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))'
has_venv='import venv, ensurepip'

fail() {
    echo "$1" >&2
    exit 1
}

find_python() {
    found=
    without_venv=
    set -- python3.11 python3.12 python3 python
    if [ -n "${PYTHON:-}" ]; then set -- "$PYTHON"; fi
    for candidate in "$@"; do
        "$candidate" -c "$right_version" 2>/dev/null || continue
        if "$candidate" -c "$has_venv" 2>/dev/null; then
            found=$candidate
            return
        fi
        without_venv=${without_venv:-$candidate}
    done
    if [ -n "$without_venv" ]; then
        version=$("$without_venv" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        fail "$without_venv cannot make virtual environments: install its venv module (Debian and Ubuntu: \`apt-get install python$version-venv\`)."
    fi
    other=$("${PYTHON:-python3}" --version 2>/dev/null || echo none)
    fail "Techrar needs Python 3.11 or 3.12, and found ${other}: install one of them, or name it with PYTHON=/path/to/python."
}

# An environment made elsewhere, by a Python that is gone, or by another one than is asked for now, does not do.
usable() {
    [ -x .venv/bin/python ] && [ "$(cat .venv/.root 2>/dev/null)" = "$root" ] && .venv/bin/python -c "$right_version" 2>/dev/null &&
        { [ -z "${PYTHON:-}" ] || [ "$("$PYTHON" -c "$prefix" 2>/dev/null)" = "$(.venv/bin/python -c "$prefix")" ]; }
}
prefix='import sys; print(sys.base_prefix, sys.version)'

make_venv() {
    find_python
    echo "Making .venv with $("$found" --version) (once)."
    rm -rf .venv
    "$found" -m venv .venv
    echo "$root" >.venv/.root
}

install_uv() {
    [ -x .venv/bin/uv ] || .venv/bin/python -m pip install -q --only-binary :all: --require-hashes -r requirements-uv.lock
}

# uv is fast but knows nothing of pip's configuration (an index of one's own, a certificate): pip then does the same work.
install_from() {
    echo "Installing what $1 lists (once)."
    if ! { install_uv && .venv/bin/uv pip install -q --python .venv/bin/python --require-hashes -r "$1"; }; then
        echo "uv could not install that; pip tries with its own configuration." >&2
        .venv/bin/python -m pip install -q --require-hashes -r "$1"
    fi
}

stamp() {
    echo "$1 $(cksum <"requirements-$1.lock")"
}

usable || make_venv
if [ "$group" = uv ]; then
    install_uv
    exit
fi
enough=$group
if [ "$group" = local ]; then enough="local dev bench"; fi
for sufficient in $enough; do
    if grep -qxF "$(stamp "$sufficient")" "$stamps" 2>/dev/null; then
        exit 0
    fi
done
install_from "requirements-$group.lock"
stamp "$group" >>"$stamps"
