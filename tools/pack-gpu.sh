#!/usr/bin/env bash
# Packs the kit for a Linux machine that has a PyTorch wheel (CUDA included) and g++, but no .NET and no network.
#   tools/pack-gpu.sh [OUT.tar.xz]      default artifacts/selm-gpu.tar.xz
# There:
#   tar xf selm-gpu.tar.xz && cd selm-gpu
#   ./selm doctor                       compiles the native part against that PyTorch (once), then runs any command
#   ./selm test [--filter NAME]         the tests of engine and library on its libtorch
# The archive holds the .NET runtime of this machine (Microsoft.NETCore.App), the built kit and tests, the golden data
# and the sources. SELM_LIBTORCH names the folder torch/ of the wheel where python3 does not find it.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
out=$(realpath -m "${1:-$root/artifacts/selm-gpu.tar.xz}")
dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")
sdk=$(ls -d "$dotnet"/sdk/10.* | sort -V | tail -n 1)
runtime=$(ls -d "$dotnet"/shared/Microsoft.NETCore.App/10.* | sort -V | tail -n 1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
kit=$work/selm-gpu
mkdir -p "$kit"/{dotnet/shared/Microsoft.NETCore.App,bin,vstest} "$(dirname "$out")"

cd "$root"
for project in src/Selm.Cli tests/Selm.Torch.Tests tests/Selm.Research.Tests; do
    dotnet build "$project" -c Release -v quiet -p:UseSharedCompilation=false >&2
done

cp "$dotnet/dotnet" "$kit/dotnet/"
cp -r "$dotnet/host" "$kit/dotnet/"
cp -r "$runtime" "$kit/dotnet/shared/Microsoft.NETCore.App/"
for name in Selm.Cli Selm.Torch.Tests Selm.Research.Tests; do cp -r "artifacts/bin/$name/release" "$kit/bin/$name"; done
# Sources and golden data: the native part is compiled from them, and some tests read them.
git ls-files -z --cached --others --exclude-standard -- src tests data Selm.Research.sln README.md LICENSE Directory.\*.props | tar --null -T - -cf - | tar -C "$kit" -xf -
# The test console of the SDK: the program alone, without the rest of the SDK.
cp "$sdk"/vstest.console.* "$sdk"/Microsoft.TestPlatform.*.dll "$sdk"/Microsoft.VisualStudio.TestPlatform.*.dll "$kit/vstest/"
cp "$sdk"/{Newtonsoft.Json,NuGet.Frameworks,Microsoft.Extensions.DependencyModel,Microsoft.Extensions.FileSystemGlobbing}.dll "$kit/vstest/" 2>/dev/null || true
cp -r "$sdk/Extensions" "$kit/vstest/" 2>/dev/null || true
find "$kit" \( -name '*.pdb' -o -name 'libselm_torch.so' \) -delete # compiled for this machine, of no use there

cat >"$kit/selm" <<'LAUNCHER'
#!/usr/bin/env bash
# ./selm COMMAND ...   the kit's command line on this machine's PyTorch;   ./selm test [--filter NAME]   its tests
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
export DOTNET_ROOT=$here/dotnet DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
SELM_TORCH_NATIVE=$(bash "$here/src/Selm.Torch/native/build.sh" "$here/native")
export SELM_TORCH_NATIVE OMP_NUM_THREADS=${OMP_NUM_THREADS:-$(nproc)}
if [ "${1:-}" != test ]; then
    exec "$here/dotnet/dotnet" "$here/bin/Selm.Cli/selm.dll" "$@"
fi
shift
if [ "${1:-}" = --filter ]; then set -- "--testcasefilter:FullyQualifiedName~$2"; fi
status=0
for name in Selm.Torch.Tests Selm.Research.Tests; do
    "$here/dotnet/dotnet" "$here/vstest/vstest.console.dll" "$here/bin/$name/$name.dll" "$@" </dev/null || status=1
done
exit $status
LAUNCHER
chmod +x "$kit/selm"
tar -C "$work" -cf - selm-gpu | xz -T0 -6 >"$out"
echo "$out ($(du -h "$out" | cut -f1), unpacked $(du -sh "$kit" | cut -f1))"
