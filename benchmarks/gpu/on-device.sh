#!/usr/bin/env bash
# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Packs what a machine with a GPU and no network needs to check and time Weft's kernels: the driver and the runtime
# without the compiler, programs compiled here, the CPU's results to hold theirs against. README.md tells of the rest.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
bin="$root/build/bin"
out=weft-on-device.tar.xz
run=0
quick=0

usage() {
  cat <<'TEXT'
usage: on-device.sh [--bin DIR] [--out FILE.tar.xz] [--quick] [--run]

  --bin DIR   where weft is (default: build/bin of this tree)
  --out FILE  the archive (default: weft-on-device.tar.xz), at most 60 MiB
  --quick     the small programs only
  --run       unpack it in an empty folder here and run it: on a GPU if there is one, else on the emulator

There: tar xf weft-on-device.tar.xz && cd weft-on-device && ./run.sh      writes result.json and result.md
TEXT
}

while [ $# -gt 0 ]; do
  case "$1" in
    --bin) bin=$(cd "${2:?--bin wants a folder}" && pwd); shift ;;
    --out) out="${2:?--out wants a file}"; shift ;;
    --quick) quick=1 ;;
    --run) run=1 ;;
    -h|--help) usage; exit 0 ;;
    *) echo "on-device.sh: unknown argument '$1'" >&2; usage >&2; exit 2 ;;
  esac
  shift
done
[ -x "$bin/weft" ] || { echo "on-device.sh: $bin/weft is not there: build first, or name the folder with --bin" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
top="$work/weft-on-device"
mkdir -p "$top/bin" "$top/lib" "$top/programs"

# The driver, and the libraries it wants but libc's own. The compiler stays here.
cp "$bin/weft" "$top/bin/weft"
strip "$top/bin/weft"
ldd "$bin/weft" | awk '$2 == "=>" && $3 ~ /^\// {print $3}' |
  grep -vE '/(libc|libm|libdl|libpthread|librt|ld-linux[^/]*)\.so' |
  while read -r library; do
    cp -L "$library" "$top/lib/"
    strip --strip-unneeded "$top/lib/$(basename "$library")" 2>/dev/null || true
  done

# Programs: name, model, flags that both compilers take, tolerance. Inputs are drawn from a seed on both machines.
pack() {
  local name="$1" model="$2" rtol="$3" atol="$4"
  shift 4
  echo "on-device.sh: $name"
  "$bin/weft" compile "$model" "$@" --target=cuda,cuda-emu:sm_80 -o "$top/programs/$name.weft"
  "$bin/weft" compile "$model" "$@" --target=cuda:sm_90a -o "$top/programs/$name.sm_90a.weft"
  echo "$name $rtol $atol" >> "$top/programs/list.txt"
  case "$name" in *-large) return ;; esac # for times alone: what they compute the small ones prove
  # Names of outputs are taken from the program; the CPU says what they should be.
  "$bin/weft" compile "$model" "$@" -o "$work/$name.cpu.weft"
  local outputs=()
  while read -r output; do
    outputs+=(--output "$output=@$top/programs/$name.$output.npy")
  done < <("$bin/weft" inspect "$work/$name.cpu.weft" --json |
           python3 -c 'import json, sys; [print(o["name"]) for f in json.load(sys.stdin)["functions"] if f["name"] == "main" for o in f["outputs"]]')
  "$bin/weft" run "$work/$name.cpu.weft" --input random:1 "${outputs[@]}"
}

for kernel in "$root"/benchmarks/gpu/kernels/*.mlir; do
  name=$(basename "$kernel" .mlir)
  if [ "$quick" = 1 ]; then
    case "$name" in *-large) continue ;; esac
  fi
  pack "$name" "$kernel" 2e-3 2e-3
done
pack tiny_bert "$root/test/e2e/models/tiny_bert.onnx" 1e-3 1e-3 --shape=ids=2x24
if [ "$quick" = 0 ]; then
  pack fashion_inception "$root/examples/fashion/fashion_inception.onnx" 1e-3 1e-3 --shape=image=20x1x28x28
fi

cp "$root/benchmarks/gpu/run.sh" "$root/benchmarks/gpu/report.py" "$root/benchmarks/gpu/peers.py" "$root/LICENSE" "$top/"
tar -C "$work" -cJf "$out" weft-on-device
size=$(stat -c %s "$out")
echo "on-device.sh: wrote $out, $((size / 1024)) KiB"
if [ "$size" -gt $((60 * 1024 * 1024)) ]; then
  echo "on-device.sh: the archive has $size bytes, wanted at most 60 MiB" >&2
  exit 1
fi
if [ "$run" = 1 ]; then
  mkdir "$work/elsewhere"
  tar -C "$work/elsewhere" -xf "$out"
  (cd "$work/elsewhere/weft-on-device" && env -i PATH=/usr/bin:/bin HOME="$work/elsewhere" ./run.sh)
fi
