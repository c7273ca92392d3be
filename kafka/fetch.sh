#!/bin/sh
# Prints the folder that holds Kafka's jars, downloading them first where they are missing.
#
# The folder is shared by every checkout of this user. It appears by a rename, so a download that was cut off, or two
# at once, never leaves half a folder behind.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
version=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$here/pom.xml")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/psychotherapy-platform
libs=$cache/kafka-$version

if [ ! -d "$libs" ]; then
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/.download-XXXXXX")
    trap 'rm -rf "$work"' EXIT INT TERM
    echo "downloading Apache Kafka $version with Maven (54 MB, once per user)" >&2
    cp "$here/pom.xml" "$work/"
    mvn --batch-mode --quiet -f "$work/pom.xml" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$work/libs" > "$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
    mv -T "$work/libs" "$libs" 2>/dev/null || [ -d "$libs" ]     # somebody else may have been quicker
fi
echo "$libs"
