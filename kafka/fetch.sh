#!/bin/sh
# Prints the folder that holds Kafka's jars, downloading them first where they are missing. It also holds an archive of
# the classes that a start needs (classes.jsa), made by a first start that nobody uses: with it a start takes half of the
# processor time. Where it cannot be made, Kafka starts all the same.
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

java=$(readlink -f "$(command -v java)")
made_with=$(stat -c '%n %Y' "$java")   # another Java would read the archive and refuse it at each start
if [ "$(cat "$libs/classes.java" 2>/dev/null)" != "$made_with" ]; then
    first=$(mktemp -d "$cache/.first-start-XXXXXX")
    trap 'rm -rf "${work:-}" "$first"' EXIT INT TERM
    rm -f "$libs/classes.jsa"
    port=$((20000 + $$ % 10000))
    STATE_DIR=$first KAFKA_LIBS=$libs KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:$port KAFKA_CONTROLLER_PORT=$((port + 1)) \
        KAFKA_SECURITY_PROTOCOL=PLAINTEXT JDK_JAVA_OPTIONS=-XX:ArchiveClassesAtExit=$first/classes.jsa \
        sh "$here/start.sh" > "$first/log" 2>&1 &
    for _ in $(seq 300); do
        if grep -q "Kafka Server started" "$first/log" || ! kill -0 $! 2>/dev/null; then break; fi
        sleep 0.2
    done
    kill $! 2>/dev/null || true
    wait $! || true     # the archive is written at the end, which SIGTERM makes
    [ ! -f "$first/classes.jsa" ] || mv "$first/classes.jsa" "$libs/classes.jsa"
    echo "$made_with" > "$libs/classes.java"    # also without an archive: the next start need not try again
fi
echo "$libs"
