#!/bin/sh
# Becomes a PgBouncer in transaction mode, on a laptop or in a container. It must not be started as root.
#
#   STATE_DIR                        where its configuration and list of passwords are written (mode 600)
#   BIND, DATABASE_PORT              where it listens
#   POSTGRES_HOST, POSTGRES_PORT     the PostgreSQL behind it;  POSTGRES_SSLMODE: TLS towards it, `prefer` by default
#   DATABASE_NAME                    the one database it serves
#   <ROLE>_DATABASE_PASSWORD         one for each role that may come in, e.g. PATIENT_SERVICE_DATABASE_PASSWORD;
#                                    or <ROLE>_DATABASE_PASSWORD_FILE, a file with it
set -eu
umask 077

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
state=${STATE_DIR:?STATE_DIR is not set}
bind=${BIND:-127.0.0.1}
port=${DATABASE_PORT:-6432}
database=${DATABASE_NAME:-psychotherapy}
server_host=${POSTGRES_HOST:-127.0.0.1}
server_port=${POSTGRES_PORT:-5433}
server_sslmode=${POSTGRES_SSLMODE:-prefer}

mkdir -p "$state"
sed -e "s|@bind@|$bind|g" -e "s|@port@|$port|g" -e "s|@database@|$database|g" -e "s|@state@|$state|g" \
    -e "s|@server_host@|$server_host|g" -e "s|@server_port@|$server_port|g" -e "s|@server_sslmode@|$server_sslmode|g" \
    "$here/pgbouncer.ini.template" > "$state/pgbouncer.ini"

# The secret of this name, from the environment or from a file.
secret() {
    value=$(printenv "$1" || true)
    file=$(printenv "$1_FILE" || true)
    [ -z "$value" ] || [ -z "$file" ] || { echo "set $1 or $1_FILE, not both" >&2; exit 1; }
    # of a pipe the end may never come
    [ -z "$file" ] || { [ -f "$file" ] && value=$(cat "$file"); } || { echo "the file that $1_FILE names cannot be read" >&2; exit 1; }
    [ -z "$file" ] || [ -z "$(find -L "$file" -perm /006)" ] ||
        { echo "the file that $1_FILE names can be read by every user of the machine: \`chmod o=\` it" >&2; exit 1; }
    printf '%s' "${value:?$1 is empty}"
}

# PATIENT_SERVICE_DATABASE_PASSWORD=x becomes "patient_service" "x", with quotes doubled as PgBouncer wants them.
roles=$(env | sed -n 's/^\([A-Z][A-Z0-9_]*\)_DATABASE_PASSWORD\(_FILE\)\{0,1\}=.*/\1/p' | sort -u)
for role in $roles; do
    name=$(printf '%s' "$role" | tr '[:upper:]' '[:lower:]')
    password=$(secret "${role}_DATABASE_PASSWORD")
    printf '"%s" "%s"\n' "$name" "$(printf '%s' "$password" | sed 's/"/""/g')"
done > "$state/userlist.txt"

# PgBouncer has read everything it needs from files: it does not carry the secrets of others in its environment.
exec env -i PATH="$PATH" pgbouncer "$state/pgbouncer.ini"
