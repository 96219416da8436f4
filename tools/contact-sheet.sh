#!/usr/bin/env bash
# All figures on one sheet, to be looked at: every SVG of a folder as a column layout in one PNG.
#   tools/contact-sheet.sh [FOLDER] [OUT.png] [COLUMNS]      default figures figures/contact-sheet.png 5
# Figures stand in the order of their names, each below the shortest column so far, the name above it. Needs rsvg-convert.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-$root/figures}
out=${2:-$folder/contact-sheet.png}
columns=${3:-5}
command -v rsvg-convert >/dev/null || { echo "contact-sheet: rsvg-convert is missing; install librsvg2-bin." >&2; exit 2; }
shopt -s nullglob
files=("$folder"/*.svg)
[ ${#files[@]} -gt 0 ] || { echo "contact-sheet: $folder holds no SVG; run ./selm reproduce first." >&2; exit 2; }

width=400 gap=16 label=14 # every figure of the kit is 400 wide
heights=()
for ((column = 0; column < columns; column++)); do heights+=($gap); done
sheet=$(mktemp --suffix=.svg)
trap 'rm -f "$sheet"' EXIT
body=$sheet.body
: >"$body"
trap 'rm -f "$sheet" "$body"' EXIT
for file in "${files[@]}"; do
    height=$(grep -om1 'viewBox="0 0 400[.0-9]* [0-9]*' "$file" | grep -o '[0-9]*$')
    shortest=0
    for ((column = 1; column < columns; column++)); do
        [ "${heights[column]}" -lt "${heights[shortest]}" ] && shortest=$column
    done
    x=$((gap + shortest * (width + gap))) y=${heights[shortest]}
    {
        echo "<text x=\"$x\" y=\"$((y + 10))\" font-family=\"sans-serif\" font-size=\"11\" fill=\"#666666\">$(basename "$file")</text>"
        echo "<rect x=\"$x\" y=\"$((y + label))\" width=\"$width\" height=\"$height\" fill=\"#FFFFFF\" stroke=\"#DDDDDD\"/>"
        echo "<image x=\"$x\" y=\"$((y + label))\" width=\"$width\" height=\"$height\" xlink:href=\"data:image/svg+xml;base64,$(base64 -w0 "$file")\"/>"
    } >>"$body"
    heights[shortest]=$((y + label + height + gap))
done
tallest=$(printf '%s\n' "${heights[@]}" | sort -n | tail -n 1)
{
    echo "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" width=\"$((gap + columns * (width + gap)))\" height=\"$tallest\">"
    echo '<rect width="100%" height="100%" fill="#F4F4F4"/>'
    cat "$body"
    echo '</svg>'
} >"$sheet"
rsvg-convert --unlimited "$sheet" -o "$out"
echo "$out: ${#files[@]} figures"
