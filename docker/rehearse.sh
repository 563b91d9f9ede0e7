#!/bin/bash
# Rehearses the CPU image without Docker: install.sh in a Debian made by debootstrap, then the
# shipped clip as nobody, on a read-only system, with 64 MiB of /dev/shm and one CPU.
# Usage, as root: docker/rehearse.sh WHEEL [FOLDER], where FOLDER keeps the Debian for next time.
# SUITE and MIRROR choose the Debian; pip's own settings are those of this machine.
set -euo pipefail

wheel=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
work=$(realpath -m "${2:-$(mktemp -d)}")
base=$work/base root=$work/root

[ -x "$base/usr/bin/apt-get" ] ||
    debootstrap --variant=minbase "${SUITE:-bookworm}" "$base" "${MIRROR:-http://deb.debian.org/debian}"
rm -rf "$root" && cp -a "$base" "$root"
cp "$here/install.sh" "$root/"
cp "$wheel" "$root/"
cp -L /etc/resolv.conf "$root/etc/"

# What this machine's pip needs to reach its index: settings, files that they name, certificates.
cp -L /etc/ssl/certs/ca-certificates.crt "$root/certificates.pem"  # apt writes its own
for path in /etc/pip.conf /etc/xdg/pip "${PIP_FIND_LINKS:-}"; do
    [ -z "$path" ] || [ ! -e "$path" ] ||
        { mkdir -p "$root$(dirname "$path")" && cp -aL "$path" "$root$path"; }
done

# A mount namespace of its own: whatever is mounted ends with it.
unshare --mount --fork bash -euo pipefail -s "$root" "$(basename "$wheel")" <<'INSIDE'
root=$1 wheel=$2
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
# requests, which pip uses, puts its own variable before pip's.
PIP_CERT=/certificates.pem REQUESTS_CA_BUNDLE=/certificates.pem chroot "$root" sh /install.sh "/$wheel" cpu,sinks,page
rm "$root/install.sh" "$root/$wheel" "$root/certificates.pem"
umount "$root/dev"
mount -t tmpfs -o size=1M,mode=755 tmpfs "$root/dev"
for node in null zero full random urandom; do
    touch "$root/dev/$node" && mount --bind "/dev/$node" "$root/dev/$node"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir "$root/dev/shm"
mount -t tmpfs -o size=64M,mode=1777 tmpfs "$root/dev/shm"
mount -t tmpfs -o size=64M,mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o size=64M,mode=750,uid=65534 tmpfs "$root/var/lib/stzsar"
mount -o remount,bind,ro "$root"
echo "installed: $(du -shx "$root" | cut -f1)"
inside() {
    taskset -c 0 chroot --userspec=65534:65534 "$root" /usr/bin/env -i HOME=/var/lib/stzsar \
        XDG_CACHE_HOME=/tmp/cache PATH=/opt/stzsar/bin:/usr/bin:/bin "$@"
}
inside sh -c '! touch /opt/stzsar/x 2>/dev/null && id -un'
shipped=$(inside python -c 'from stzsar.runtime.bundle.bundle import shipped_bundle as s; print(s())')
cd "$root/tmp"
inside stzsar-run --bundle "$shipped" --source "$(dirname "$shipped")/sample.mp4" --quiet --json \
    >"$root/tmp/results.jsonl"
echo "results: $(grep -c '"type": *"result"' "$root/tmp/results.jsonl")"
INSIDE
