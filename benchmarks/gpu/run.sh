#!/bin/sh
# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Runs where the archive was unpacked: first whether the numbers are right, then, on a GPU, how long the kernels take and
# how long others'. Wants libc and, for the GPU, NVIDIA's driver; python3 for the report. Exit status 1: wrong numbers.
cd "$(dirname "$0")" || exit 1
LD_LIBRARY_PATH="$PWD/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
WEFT_CACHE_DIR="$PWD/cache"
export LD_LIBRARY_PATH WEFT_CACHE_DIR
rm -rf results
mkdir results

# Is there a GPU? The reason why not is kept.
device=cuda
if ! ./bin/weft run programs/add.weft --target=cuda --input random:1 -v > results/probe.txt 2>&1; then
  device=cuda-emu
  echo "no GPU: $(sed -n 's/^weft: error: //p' results/probe.txt | head -1)" | tee results/no-gpu.txt
  echo "the kernels run on the emulator; times are not measured"
fi
sed -n 's/^weft: runs on //p' results/probe.txt > results/device.txt

bad=0
while read -r name rtol atol; do
  for program in "programs/$name.weft" "programs/$name.sm_90a.weft"; do
    case "$program" in
      *.sm_90a.weft)
        grep -q 'sm_90,' results/device.txt || continue ;;
    esac
    label=$(basename "$program" .weft)
    expected=
    for file in programs/"$name".*.npy; do
      [ -e "$file" ] || continue
      output=${file#programs/"$name".}
      expected="$expected --expected ${output%.npy}=@$file"
    done
    # shellcheck disable=SC2086
    if [ -z "$expected" ]; then
      : # for times alone
    elif ./bin/weft run "$program" --target=$device --input random:1 $expected --rtol "$rtol" --atol "$atol" \
      > "results/$label.correct.txt" 2>&1; then
      echo "right  $label"
    else
      echo "WRONG  $label: $(tail -1 "results/$label.correct.txt")"
      bad=1
    fi
    if [ $device = cuda ]; then
      ./bin/weft bench "$program" --target=cuda --min-time 1 --json > "results/$label.bench.json" 2> "results/$label.bench.txt"
      ./bin/weft run "$program" --target=cuda --input random:1 --trace "results/$label.trace.json" > /dev/null 2>&1
    fi
  done
done < programs/list.txt

if command -v python3 > /dev/null 2>&1; then
  [ $device = cuda ] && python3 peers.py > results/peers.json 2> results/peers.txt
  python3 report.py results || bad=1
else
  echo "no python3: the parts of the report are in results/"
fi
exit $bad
