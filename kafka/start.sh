#!/bin/sh
# Becomes one Kafka broker (KRaft, one node), on a laptop or in a container.
#
#   STATE_DIR                  where its data and its written configuration live
#   KAFKA_LIBS                 folder of jars; without it, the cache folder that fetch.sh fills
#   KAFKA_BOOTSTRAP_SERVERS    host:port under which clients reach it
#   KAFKA_CONTROLLER_PORT      its own second port, always on 127.0.0.1
#   BIND                       address to listen on (0.0.0.0 in a container)
#   KAFKA_HEAP                 Java heap, 256m by default
set -eu
umask 077

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
state=${STATE_DIR:?STATE_DIR is not set}
bootstrap=${KAFKA_BOOTSTRAP_SERVERS:-127.0.0.1:9092}
host=${bootstrap%:*}
port=${bootstrap##*:}
controller_port=${KAFKA_CONTROLLER_PORT:-9093}
bind=${BIND:-127.0.0.1}
libs=${KAFKA_LIBS:-$("$here/fetch.sh")}
properties=$state/server.properties

mkdir -p "$state"
sed -e "s|@host@|$host|g" -e "s|@port@|$port|g" -e "s|@controller_port@|$controller_port|g" \
    -e "s|@bind@|$bind|g" -e "s|@state@|$state|g" "$here/server.properties.template" > "$properties"

# The last file of a format is meta.properties; without it a format was cut off and starts again.
if [ ! -f "$state/logs/meta.properties" ]; then
    rm -rf "$state/logs"
    id=$(head -c 16 /dev/urandom | base64 | tr '+/' 'AB' | tr -d '=\n')
    java -cp "$here/conf:$libs/*" -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        kafka.tools.StorageTool format --standalone -t "$id" -c "$properties"
fi

exec java -cp "$here/conf:$libs/*" -XX:+UseSerialGC "-Xmx${KAFKA_HEAP:-256m}" -XX:+ExitOnOutOfMemoryError \
    -Djava.awt.headless=true kafka.Kafka "$properties"
