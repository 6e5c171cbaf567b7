#!/bin/sh
# Writes requirements/*.txt: the newest releases that pyproject.toml allows, for every platform, with the hashes of their
# files. `make lock` calls it with the path of uv.
set -eu
uv=$1
write() {
  name=$1
  shift
  "$uv" pip compile "$@" --upgrade --universal --generate-hashes --no-emit-index-url \
    --custom-compile-command 'make lock' --quiet --output-file "requirements/$name.txt"
}
write run pyproject.toml --extra speed
write dev pyproject.toml --extra dev
write release pyproject.toml --extra release
write ansible requirements/ansible.in
