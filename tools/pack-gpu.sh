#!/usr/bin/env bash
# Packs the kit for a Linux x64 machine that has a PyTorch wheel (CUDA included), but no .NET and no network.
#   tools/pack-gpu.sh [OUT.tar.xz]      default artifacts/selm-gpu.tar.xz
# There:
#   tar xf selm-gpu.tar.xz && cd selm-gpu
#   export SELM_LIBTORCH=.../site-packages/torch
#   ./selm doctor
# The archive holds the .NET runtime of this machine, the published kit with TorchSharp's own library, recipes and examples.
# libtorch is that machine's: a wheel of the version that TorchSharp was made for (doctor names symbols that do not resolve).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
out=$(realpath -m "${1:-$root/artifacts/selm-gpu.tar.xz}")
dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")
runtime=$(ls -d "$dotnet"/shared/Microsoft.NETCore.App/10.* | sort -V | tail -n 1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
kit=$work/selm-gpu
mkdir -p "$kit"/{dotnet/shared/Microsoft.NETCore.App,bin} "$(dirname "$out")"

cd "$root"
dotnet publish src/Selm.Cli -c Release -v quiet -p:UseSharedCompilation=false -o "$kit/bin" >&2
cp "$(head -n 1 "$kit/bin/libtorch.folders")/runtimes/linux-x64/native/libLibTorchSharp.so" "$kit/bin/"
rm -f "$kit"/bin/*.pdb
cp "$dotnet/dotnet" "$kit/dotnet/"
cp -r "$dotnet/host" "$kit/dotnet/"
cp -r "$runtime" "$kit/dotnet/shared/Microsoft.NETCore.App/"
git ls-files -z -- data Selm.Research.sln README.md LICENSE | tar --null -T - -cf - | tar -C "$kit" -xf -

cat >"$kit/selm" <<'LAUNCHER'
#!/usr/bin/env bash
# ./selm COMMAND ...   the kit's command line on the libtorch that SELM_LIBTORCH names
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
export DOTNET_ROOT=$here/dotnet DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
exec "$here/dotnet/dotnet" "$here/bin/selm.dll" "$@"
LAUNCHER
chmod +x "$kit/selm"
tar -C "$work" -cf - selm-gpu | xz -T0 -6 >"$out"
echo "$out ($(du -h "$out" | cut -f1), unpacked $(du -sh "$kit" | cut -f1))"
