#!/bin/sh
# Installs the outside engines that read.py uses into a virtual environment, once:
#   sh integration/readers/install.sh [FOLDER]     prints FOLDER
# FOLDER is by default sluice-readers in the user's cache folder. Needs python3
# with venv (3.10 to 3.13). Versions are pinned: DuckDB 2.0 has no Iceberg
# extension package yet, and the extensions must be DuckDB's own version.
set -eu
dir=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice-readers}
want="pyiceberg==0.12.0 pyarrow==26.0.1 duckdb==1.5.5 duckdb-extension-iceberg==1.5.5 duckdb-extension-avro==1.5.5 duckdb-extension-httpfs==1.5.5"
if [ "$(cat "$dir/installed" 2>/dev/null)" != "$want" ]; then
	python3 -m venv "$dir" >&2
	# shellcheck disable=SC2086 # the words of $want are packages
	"$dir/bin/pip" install --quiet --disable-pip-version-check $want >&2
	echo "$want" >"$dir/installed"
fi
echo "$dir"
