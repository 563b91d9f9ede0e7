#!/bin/sh
# Runs the runtime's tests on another Python, in an environment of its own without torch.
# Usage: tests/on_python.sh 3.10 [ENVIRONMENT]
set -eu
version=$1

find_python() {
    for name in "python$version" "$(pyenv prefix "$(pyenv latest "$version" 2>/dev/null)" 2>/dev/null)/bin/python"; do
        if "$name" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$version')" 2>/dev/null; then
            echo "$name"
            return
        fi
    done
}

python=$(find_python)
if [ -z "$python" ]; then
    echo "Python $version is not installed: the runtime's tests are not run on it."
    exit 0
fi
environment=${2:-.venvs/$version}
[ -x "$environment/bin/python" ] || "$python" -m venv "$environment" || {
    rm -rf "$environment"
    exit 1
}
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
    -e '.[cpu,sinks]' 'jsonschema>=4.18' 'pytest>=8' 'pytest-timeout>=2.3' 'pytest-xdist>=3.6' 'onnx>=1.17' 'tokenizers>=0.19'
echo "The runtime's tests on Python $version:"
"$environment/bin/python" -Im pytest tests/runtime -n 2 --dist loadfile -m "not slow and not live"
