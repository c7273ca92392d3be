#!/bin/sh
# Becomes one Kafka node (KRaft: broker and controller in one process), the only one or one of several on this machine.
#
#   STATE_DIR                  where its data and its written configuration live
#   KAFKA_LIBS                 folder of jars and their archive; without it, the cache folder that fetch.sh fills
#   KAFKA_BOOTSTRAP_SERVERS    host:port under which clients reach each node, separated by commas
#   KAFKA_NODE                 which of them this one is, 1 by default
#   KAFKA_CONTROLLER_PORT      the first node's second port, always on 127.0.0.1; the next nodes have the next ports
#   KAFKA_REPLICATION_FACTOR   how often a topic is kept where nothing else is said, Kafka's own topics among them
#   KAFKA_MIN_INSYNC_REPLICAS  how many copies must have a message before it counts
#   KAFKA_SECURITY_PROTOCOL    SASL_PLAINTEXT: clients sign in, and do what they have the right to; PLAINTEXT: they do not
#   KAFKA_ADMIN_USERNAME       the account that may do everything, with which the nodes sign in to each other, too
#   KAFKA_ADMIN_PASSWORD       its password, without characters that need quoting
#   BIND                       address to listen on
#   KAFKA_HEAP                 Java heap, 256m by default
set -eu
umask 077

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
state=${STATE_DIR:?STATE_DIR is not set}
addresses=${KAFKA_BOOTSTRAP_SERVERS:-127.0.0.1:9092}
node=${KAFKA_NODE:-1}
first_controller=${KAFKA_CONTROLLER_PORT:-9093}
protocol=${KAFKA_SECURITY_PROTOCOL:-PLAINTEXT}
admin=${KAFKA_ADMIN_USERNAME:-administrator}
bind=${BIND:-127.0.0.1}
libs=${KAFKA_LIBS:-$("$here/fetch.sh")}
properties=$state/server.properties

voters=
id=0
for address in $(echo "$addresses" | tr , ' '); do
    id=$((id + 1))
    voters=$voters${voters:+,}$id@127.0.0.1:$((first_controller + id - 1))
    [ "$id" != "$node" ] || own=$address
done
: "${own:?there is no address number $node in KAFKA_BOOTSTRAP_SERVERS}"

mkdir -p "$state"
sed -e "s|@node@|$node|g" -e "s|@voters@|$voters|g" -e "s|@host@|${own%:*}|g" -e "s|@port@|${own##*:}|g" \
    -e "s|@controller_port@|$((first_controller + node - 1))|g" -e "s|@bind@|$bind|g" -e "s|@state@|$state|g" \
    -e "s|@protocol@|$protocol|g" \
    -e "s|@replication_factor@|${KAFKA_REPLICATION_FACTOR:-1}|g" \
    -e "s|@min_insync_replicas@|${KAFKA_MIN_INSYNC_REPLICAS:-1}|g" "$here/server.properties.template" > "$properties"

# The administrator's account stands in this file, which nobody else can read (and in no argument of a command, which
# everybody can). So it is there from the first start, and a new password counts after the next one.
if [ "$protocol" != PLAINTEXT ]; then
    login="org.apache.kafka.common.security.plain.PlainLoginModule required username=\"$admin\" \
password=\"${KAFKA_ADMIN_PASSWORD:?KAFKA_ADMIN_PASSWORD is not set}\" user_$admin=\"$KAFKA_ADMIN_PASSWORD\";"
    sed -e "s|@admin@|$admin|g" "$here/accounts.properties.template" >> "$properties"
    cat >> "$properties" <<EOF
listener.name.clients.plain.sasl.jaas.config=$login
listener.name.controller.plain.sasl.jaas.config=$login
EOF
fi

# The first of Java's two compilers: at our rates the second one costs more than it saves (an import of 20,000 therapists
# took 405 µs of Kafka's processor time a record, now 212). The log's configuration is no part of the class path, since a
# folder there would forbid the archive.
set -- -cp "$libs/*" "-Dlog4j2.configurationFile=$here/conf/log4j2.properties" -XX:+UseSerialGC -XX:TieredStopAtLevel=1
[ ! -f "$libs/classes.jsa" ] || set -- "$@" "-XX:SharedArchiveFile=$libs/classes.jsa"

# The last file of a format is meta.properties; without it a format was cut off and starts again.
if [ ! -f "$state/logs/meta.properties" ]; then
    rm -rf "$state/logs"
    # 16 bytes that every node works out alike: a node with another cluster's data is refused by the others
    cluster=$(echo "$voters" | sha256sum | head -c 16 | base64 | tr -d '=\n')
    java "$@" -Xmx128m kafka.tools.StorageTool format -t "$cluster" -c "$properties"
fi

exec java "$@" "-Xmx${KAFKA_HEAP:-256m}" -XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true kafka.Kafka "$properties"
