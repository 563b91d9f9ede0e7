#!/bin/sh
# Installs stzsar into /opt/stzsar, as every image does; docker/rehearse.sh runs it without Docker.
# Usage, as root: install.sh WHEEL EXTRAS [PACKAGE…]
# SYSTEM_PACKAGES=yes lets it use what the system has, such as JetPack's OpenCV.
set -eu

wheel=$1
extras=$2
shift 2

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq --no-install-recommends ca-certificates python3 python3-venv >/dev/null
python3 -m venv ${SYSTEM_PACKAGES:+--system-site-packages} /opt/stzsar
/opt/stzsar/bin/pip install --quiet --no-cache-dir --disable-pip-version-check "$wheel[$extras]" "$@"
# Nothing is installed at run time, so nothing that installs stays. A read-only system keeps no
# bytecode either: it is made here, once.
/opt/stzsar/bin/pip uninstall --quiet --yes pip
python3 -m compileall -q /opt/stzsar/lib || true  # a package's templates may not be Python
rm -rf /var/lib/apt/lists/* ~/.cache

useradd --system --uid 10001 --user-group --home-dir /var/lib/stzsar --shell /usr/sbin/nologin stzsar
install -d -o stzsar -g stzsar -m 0750 /var/lib/stzsar
