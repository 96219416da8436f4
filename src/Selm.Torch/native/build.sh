#!/usr/bin/env bash
# Compiles the native part of Selm.Torch against the libtorch that is on this machine and prints the path of the
# library. The result is cached under OUT/<hash of libtorch version, sources and flags>, so a second call is instant.
#   build.sh OUT_DIR
# libtorch is looked for in $SELM_LIBTORCH (a folder with include/ and lib/), then Debian's libtorch-dev, then the
# PyTorch wheel that python3 would import.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: build.sh OUT_DIR}
abi=()
if [ -n "${SELM_LIBTORCH:-}" ]; then
    prefix=$SELM_LIBTORCH
elif [ -f /usr/include/torch/version.h ] || [ -f /usr/include/torch/csrc/api/include/torch/version.h ]; then
    prefix=/usr
else
    prefix=$(python3 -c 'import importlib.util as u; s = u.find_spec("torch"); print(s.submodule_search_locations[0] if s else "")' 2>/dev/null || true)
    if [ -z "$prefix" ]; then
        echo "error: no libtorch found; install Debian's libtorch-dev (apt-get install libtorch-dev g++), or set SELM_LIBTORCH to a PyTorch folder with include/ and lib/." >&2
        exit 3
    fi
fi
include=$prefix/include
if [ "$prefix" = /usr ]; then lib=$(dirname "$(ls /usr/lib/*/libtorch.so | head -n 1)"); else lib=$prefix/lib; fi
[ -f "$lib/libtorch_cpu.so" ] || { echo "error: $lib/libtorch_cpu.so is missing; SELM_LIBTORCH must be a folder with include/ and lib/ of one libtorch." >&2; exit 3; }
command -v g++ >/dev/null || { echo "error: g++ is missing; install it (apt-get install g++)." >&2; exit 3; }
if grep -qa 'torchCheckFailEPKcS2_jRKSs' "$lib/libc10.so"; then abi=(-D_GLIBCXX_USE_CXX11_ABI=0); fi # wheels before 2.7: the old std::string
link=(-L"$lib" -Wl,-rpath,"$lib" -Wl,--no-as-needed -ltorch_cpu -lc10)
[ -f "$lib/libtorch_cuda.so" ] && link+=(-ltorch_cuda)
link+=(-ltorch -Wl,--as-needed)
common=(-O3 -march=native -fPIC -fvisibility=hidden -fno-math-errno -fno-trapping-math -ffp-contract=fast -fopenmp -Wno-deprecated-declarations
        -I"$include" -I"$include/torch/csrc/api/include" "${abi[@]}")
version=$(cat "$include"/torch/{,csrc/api/include/torch/,headeronly/}version.h 2>/dev/null | grep -h '#define TORCH_VERSION' || true)
key=$( { cat "$here"/*.cpp "$here"/*.h; echo "$version ${common[*]} ${link[*]}"; g++ --version | head -n 1; grep -m1 '^flags' /proc/cpuinfo || true; stat -Lc '%s %Y' "$lib/libtorch_cpu.so"; } | sha256sum | cut -c1-16)
target=$out/$key/libselm_torch.so
if [ ! -f "$target" ]; then
    mkdir -p "$out/$key"
    work=$(mktemp -d "$out/$key/tmp.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    standards=(17 20)
    if grep -q 'C++20 or later' "$include/ATen/ATen.h"; then standards=(20); fi
    built=no
    for standard in "${standards[@]}"; do
        pids=()
        for source in "$here"/*.cpp; do
            g++ -std=c++$standard "${common[@]}" -c "$source" -o "$work/$(basename "$source" .cpp).o" 2>"$work/$(basename "$source").log" &
            pids+=($!)
        done
        ok=yes
        for pid in "${pids[@]}"; do wait "$pid" || ok=no; done
        [ $ok = yes ] && { built=yes; break; }
    done
    # What the linker says goes to a log too: the caller reads this script's output for the path.
    [ $built = no ] || g++ -shared -fopenmp "$work"/*.o "${link[@]}" -o "$work/libselm_torch.so" 2>"$work/link.log" || built=no
    if [ $built = no ]; then
        cat "$work"/*.log >&2
        echo "error: the native part did not compile and link against the libtorch in $prefix (see above)." >&2
        exit 4
    fi
    mv "$work/libselm_torch.so" "$target"
fi
echo "$target"
