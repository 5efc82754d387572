#!/usr/bin/env bash
# Try Tonne's two commands in a bare Debian, as the README promises them.
#
#   tests/cleanroom.sh [bookworm|trixie] [run|test|both]
#
# Makes a Debian of that release with debootstrap in a temporary directory, takes over from this
# machine only how to reach the package registries (apt, pip, npm, certificates), installs git, make
# and python3-venv, clones this repository, and then:
#
#   run    starts `make run`, waits for the page, stops it, starts it again, which must take less than 5 s
#   test   runs `make test`
#
# CLEANROOM_CACHE=directory keeps the bare system for the next time. CLEANROOM_WORKTREE=1 takes the files
# as they lie here instead of the last commit. Needs root. Leaves nothing behind.
set -euo pipefail

release=${1:-bookworm}
what=${2:-run}
repository=$(cd "$(dirname "$0")/.." && pwd)

[ "$(id -u)" = 0 ] || { echo "cleanroom.sh needs root for chroot" >&2; exit 1; }
case "$release" in bookworm | trixie) ;; *) echo "Debian bookworm or trixie, not $release" >&2; exit 1 ;; esac
case "$what" in run | test | both) ;; *) echo "run, test or both, not $what" >&2; exit 1 ;; esac
command -v debootstrap >/dev/null || apt-get install --yes --quiet=2 --no-install-recommends debootstrap >/dev/null

work=$(mktemp -d)
room=$work/room
trap 'rm -rf --one-file-system "$work"' EXIT

say() { printf '\n--- %s: %s\n' "$release" "$*"; }

# Runs a command inside, in its own mounts and processes, so that all of them end with it.
inside() {
    unshare --mount --pid --fork --kill-child bash -c '
        room=$1; shift
        mount -t proc proc "$room/proc"
        mount -t sysfs sysfs "$room/sys"
        mount --rbind /dev "$room/dev"
        exec chroot "$room" /usr/bin/env -i HOME=/root LANG=C.UTF-8 TERM=dumb \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            ${SSL_CERT_FILE:+SSL_CERT_FILE="$SSL_CERT_FILE"} \
            ${NODE_EXTRA_CA_CERTS:+NODE_EXTRA_CA_CERTS="$NODE_EXTRA_CA_CERTS"} \
            ${HTTP_PROXY:+HTTP_PROXY="$HTTP_PROXY"} ${HTTPS_PROXY:+HTTPS_PROXY="$HTTPS_PROXY"} "$@"
    ' inside "$room" "$@"
}

say "a bare Debian"
kept=${CLEANROOM_CACHE:+$CLEANROOM_CACHE/$release.tar}
if [ -n "$kept" ] && [ -e "$kept" ]; then
    mkdir "$room" && tar --extract --file="$kept" --directory="$room"
else
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
    debootstrap --variant=minbase "$release" "$room" "$mirror" >"$work/debootstrap.log" 2>&1 \
        || { tail -n 20 "$work/debootstrap.log" >&2; exit 1; }
    if [ -n "$kept" ]; then tar --create --file="$kept" --directory="$room" .; fi
fi

# How this machine reaches the registries, and nothing else of it.
copy() {
    local source
    for source in "$@"; do
        if [ -e "$source" ]; then install -D --mode=644 "$source" "$room$source"; fi
    done
}
copy /etc/resolv.conf /etc/hosts /etc/pip.conf /root/.npmrc /etc/ssl/certs/ca-certificates.crt
copy /etc/apt/apt.conf.d/99* /usr/local/share/ca-certificates/*
# No service of the room may start: it shares this machine's network.
printf '#!/bin/sh\nexit 101\n' >"$room/usr/sbin/policy-rc.d"
chmod +x "$room/usr/sbin/policy-rc.d"

say "apt-get install -y git make python3-venv"
inside sh -c 'export DEBIAN_FRONTEND=noninteractive; apt-get update --quiet=2 &&
    apt-get install -y --quiet=2 git make python3-venv' >"$work/apt.log" 2>&1 \
    || { tail -n 20 "$work/apt.log" >&2; exit 1; }

say "git clone"
if [ -n "${CLEANROOM_WORKTREE:-}" ]; then
    mkdir "$room/root/tonne"
    git -C "$repository" ls-files --cached --others --exclude-standard -z \
        | tar --create --directory="$repository" --null --files-from=- --ignore-failed-read \
        | tar --extract --directory="$room/root/tonne"
else
    git -C "$repository" bundle create --quiet "$room/root/tonne.bundle" HEAD
    inside git clone --quiet /root/tonne.bundle /root/tonne
fi

if [ "$what" != test ]; then
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    say "make run on port $port"
    inside env PORT="$port" bash -s <<'INSIDE'
set -uo pipefail
cd /root/tonne

# Prints the seconds until the page answers; fails when `make run` ends or the time is over.
seconds_until_the_page() {
    python3 - "$1" "$2" <<'PYTHON'
import os, sys, time, urllib.request
process, limit, start = int(sys.argv[1]), float(sys.argv[2]), time.monotonic()
while time.monotonic() - start < limit:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{os.environ['PORT']}/en/", timeout=5) as page:
            if page.status == 200:
                sys.exit(print(f"{time.monotonic() - start:.1f}"))
    except OSError:
        pass
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        sys.exit("make run has ended")
    time.sleep(0.05)
sys.exit("no page in time")
PYTHON
}

start() {
    setsid make run >/tmp/run.log 2>&1 &
    process=$!
    seconds=$(seconds_until_the_page "$process" "$1") || { tail -n 40 /tmp/run.log >&2; exit 1; }
}

stop() {
    kill -TERM -- "-$process"
    wait "$process"
}

start 1800
echo "First page after $seconds s"
stop
start 60
echo "Second start: page after $seconds s"
stop
python3 -c 'import sys; sys.exit(float(sys.argv[1]) >= 5)' "$seconds" || { echo "The second start took 5 s or more" >&2; exit 1; }
INSIDE
fi

if [ "$what" != run ]; then
    say "make test"
    inside sh -c 'cd /root/tonne && make test'
fi

say "clean"
