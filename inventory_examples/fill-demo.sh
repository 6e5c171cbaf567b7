#!/bin/sh
# Fills the demo's folders from tracked example files, once; git ignores what is played with there.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
example=$here/../cli/example/remote
demo=$here/demo

if [ ! -d "$demo/remote" ]; then
    mkdir -p "$demo/caches"
    # under another name first, so that an interrupted copy is not taken for a complete one
    rm -rf "$demo/remote.new"
    cp -R "$example" "$demo/remote.new"
    mv "$demo/remote.new" "$demo/remote"
fi

jsync=${VENV:-.venv}/bin/jsync
cat <<END
Try, in another terminal (Ctrl-C here stops everything):

  edit a file under inventory_examples/demo/remote/_all and watch it arrive in both caches
  $jsync diff slave-5000 -i inventory_examples/demo.yaml
  $jsync status -i inventory_examples/demo.yaml

END
