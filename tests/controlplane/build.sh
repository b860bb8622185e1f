#!/bin/sh
# Builds the binaries of a test control plane once and prints the folder that holds them:
# etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubectl (links to one binary) and kwok.
#
#   tests/controlplane/build.sh            the control plane
#   tests/controlplane/build.sh promtool   promtool, which checks alert rules; prints the path of the binary
#
# The folder lies in $PLUMBLINE_CACHE, by default ~/.cache/plumbline, and is named after what goes into it, so
# a later run finds it at once. The first build takes about ten minutes on two cores. Progress goes to standard
# error. Needs Go, and a Go module proxy or what it has cached.
set -eu
export CGO_ENABLED=0

KWOK=v0.8.0
PROMTOOL=v0.316.0

here=$(cd "$(dirname "$0")" && pwd)
cache=${PLUMBLINE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/plumbline}
kubernetes=$(sed -n 's|^[[:space:]]*k8s.io/kubernetes \(v[0-9.]*\)$|\1|p' "$here/go.mod")

say() {
    echo "build.sh: $*" >&2
}

sha256() {
    if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi
}

# Each of these fills the folder $1.
fill_controlplane() {
    say "building Kubernetes $kubernetes (minutes, the first time)"
    minor=${kubernetes#v*.}
    minor=${minor%%.*}
    version=k8s.io/component-base/version
    # Clients refuse a server that does not know its version.
    stamp="-X $version.gitVersion=$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=$minor"
    (cd "$here" && go build -trimpath -ldflags "-s -w $stamp" -o "$1/controlplane" .)
    for component in etcd kube-apiserver kube-controller-manager kube-scheduler kubectl; do
        ln -s controlplane "$1/$component"
    done
    install_tool "$1" "sigs.k8s.io/kwok/cmd/kwok@$KWOK"
}

fill_promtool() {
    # Service discovery, with every cloud's SDK, has no say in what a rule means.
    install_tool "$1" "github.com/prometheus/prometheus/cmd/promtool@$PROMTOOL" -tags remove_all_sd
}

# Installs the Go program $2 into the folder $1, with further flags.
install_tool() {
    folder=$1 tool=$2
    shift 2
    say "building $tool"
    # Outside of any module: a tool's version is its own affair.
    (cd "$folder" && GOBIN=$folder go install -trimpath -ldflags "-s -w" "$@" "$tool")
}

# Fills $cache/$2 by calling fill_$1, unless it is there. It appears under its name complete or not at all.
ensure() {
    if [ -d "$cache/$2" ]; then return; fi
    if ! command -v go >/dev/null; then
        say "Go is missing: install it (https://go.dev/dl), or set KUBEBUILDER_ASSETS to a folder with binaries"
        exit 1
    fi
    mkdir -p "$cache"
    # Without flock two runs build twice; the last one to finish finds the folder there and drops its own.
    exec 9>"$cache/.lock"
    if command -v flock >/dev/null && ! flock -n 9; then
        say "waiting for another build"
        flock 9
    fi
    if [ -d "$cache/$2" ]; then return; fi
    new=$(mktemp -d "$cache/.new-XXXXXX")
    trap 'rm -rf "$new"' EXIT
    trap 'exit 1' HUP INT TERM
    "fill_$1" "$new" >&2
    chmod 755 "$new"
    [ -d "$cache/$2" ] || mv "$new" "$cache/$2"
}

case ${1:-controlplane} in
controlplane)
    digest=$(cd "$here" && cat go.mod go.sum main.go build.sh | sha256 | cut -c1-12)
    ensure controlplane "controlplane-$kubernetes-$digest"
    echo "$cache/controlplane-$kubernetes-$digest"
    ;;
promtool)
    ensure promtool "promtool-$PROMTOOL"
    echo "$cache/promtool-$PROMTOOL/promtool"
    ;;
*)
    say "usage: build.sh [controlplane | promtool]"
    exit 2
    ;;
esac
