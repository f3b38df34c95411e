#!/usr/bin/env bash
# freeze.sh NAME ENVIRONMENT writes environments/constraints-NAME-pyXY.txt: every version in that environment, as constraints
# for `make`. Freeze what the tests passed in: see CONTRIBUTING.md. `freeze.sh build` writes those of what builds packages.
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1 environment=${2:-.venv} uv=.venv/bin/uv
python=$environment/bin/python
[ -x "$python" ] || { echo "freeze.sh: no environment $environment: build it and run its tests first" >&2; exit 2; }
version=$("$python" -c 'import platform; print(platform.python_version())')
file=environments/constraints-$name-py$(echo "$version" | cut -d. -f1,2 | tr -d .).txt

if [ "$name" = build ]; then
  versions() { printf '%s\n' hatchling editables setuptools wheel | "$uv" pip compile --quiet --no-header --no-annotate --python "$python" -; }
else
  # Without our own package, addresses and local versions (2.13.0+cpu): those hold on one machine.
  versions() { "$uv" pip freeze --exclude-editable --python "$python" | grep -v ' @ ' | sed -E 's/\+[A-Za-z0-9.]+$//'; }
fi
{
  echo "# $(date +%F), Python $version on $("$python" -c 'import platform; print(platform.system(), platform.machine())'): written by \`make constraints\` (environments/freeze.sh $*)"
  versions | LC_ALL=C sort
} >"$file.new"
mv "$file.new" "$file"
echo "$file: $(grep -c == "$file") versions"
