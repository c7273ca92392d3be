#!/bin/sh
# Becomes the gateway: an nginx in front of all services, on a laptop or in a container.
#
#   STATE_DIR                     where its configuration is written
#   GATEWAY_BIND, GATEWAY_PORT    where it listens
#   GATEWAY_TLS_CERTIFICATE_FILE, GATEWAY_TLS_KEY_FILE    with both it speaks HTTPS only, on every port
#   ALLOWED_HOSTS                 the names under which it answers, separated by commas
#   GATEWAY_REQUESTS_PER_SECOND, GATEWAY_OPEN_REQUESTS_PER_SECOND, GATEWAY_CONNECTIONS    of one client address
#   GATEWAY_TRUSTED_PROXIES       addresses and networks of proxies before it, separated by commas
#   <SERVICE>_HOST, <SERVICE>_PORT    of each service: an address, or a name that has one for each web process
#   SERVICES_HAVE_OWN_PORTS       `yes`: it listens on the port of each service too, for that service alone
set -eu
umask 077
PATH=$PATH:/usr/sbin

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
state=${STATE_DIR:?STATE_DIR is not set}
template=$here/nginx.conf.template
bind=${GATEWAY_BIND:-127.0.0.1}
port=${GATEWAY_PORT:-8080}
certificate=${GATEWAY_TLS_CERTIFICATE_FILE:-}
key=${GATEWAY_TLS_KEY_FILE:-}
requests=${GATEWAY_REQUESTS_PER_SECOND:-100}
open_requests=${GATEWAY_OPEN_REQUESTS_PER_SECOND:-10}
connections=${GATEWAY_CONNECTIONS:-100}
proxies=${GATEWAY_TRUSTED_PROXIES:-}

services=$(sed -n 's/.*@servers:\([a-z_]*\)@.*/\1/p' "$template")
setting() { printenv "$(printf '%s' "$1" | tr '[:lower:]' '[:upper:]')_$2" || printf '%s' "${3:?"$1 has no $2"}"; }
in_brackets() { case $1 in *:*) printf '[%s]' "$1" ;; *) printf '%s' "$1" ;; esac; }
is_address() { case $1 in *:*) true ;; *[!0-9.]*) false ;; esac; }

# --- what the settings say, as nginx writes it -----------------------------------------------------------------------

# The addresses of a host: of a name there may be several, and none while its containers are starting.
addresses() {
    if is_address "$1"; then in_brackets "$1"; else getent ahostsv4 "$1" | awk '{print $1}' | sort -u; fi
}

servers() {
    found=
    for address in $(addresses "$(setting "$1" HOST 127.0.0.1)"); do
        found="$found server $address:$(setting "$1" PORT) fail_timeout=2s;"
    done
    printf '%s' "${found:- server 127.0.0.1:9 down;}"
}

hosts() {
    printf '%s,127.0.0.1,[::1],%s' "${ALLOWED_HOSTS:-127.0.0.1,localhost,[::1]}" "$(in_brackets "$bind")" | tr ',[:upper:]' '\n[:lower:]' |
        sed -e 's/[[:space:]]//g' -e '/^$/d' -e '/^0\.0\.0\.0$/d' -e '/^\[::]$/d' -e 's/.*/"&" 0;/' | sort -u | tr '\n' ' '
}

listen() {
    printf 'listen %s:%s%s;' "$(in_brackets "$bind")" "$port" "${certificate:+ ssl}"
    for service in $own; do
        printf ' listen %s:%s%s;' "$(in_brackets "$bind")" "$(setting "$service" PORT)" "${certificate:+ ssl}"
    done
}

own_ports() { for service in $own; do printf ' %s %s;' "$(setting "$service" PORT)" "$service"; done; }

trusted_proxies() {
    [ -n "$proxies" ] || return 0
    printf 'real_ip_header X-Forwarded-For; real_ip_recursive on;'
    for proxy in $(printf '%s' "$proxies" | tr , ' '); do printf ' set_real_ip_from %s;' "$proxy"; done
}

tls() {
    [ -n "$certificate" ] || return 0
    printf 'ssl_certificate "%s"; ssl_certificate_key "%s"; ' "$certificate" "${key:?GATEWAY_TLS_KEY_FILE is not set}"
    printf 'ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:tls:5m; ssl_session_tickets off;'
}

# Started by root, as ports below 1024 and a private key need it, its workers are nobody's.
user() {
    [ "$(id -u)" = 0 ] || return 0
    if id -u www-data > /dev/null 2>&1; then printf 'user www-data;'; else printf 'user nobody;'; fi
}

own=
[ "${SERVICES_HAVE_OWN_PORTS:-no}" != yes ] || own=$services

configuration() {
    set --
    for service in $services; do set -- "$@" -e "s|@servers:$service@|$(servers "$service")|"; done
    sed "$@" -e "s|@user@|$(user)|" -e "s|@state@|$state|" -e "s|@tls@|$(tls)|" -e "s|@listen@|$(listen)|" \
        -e "s|@hosts@|$(hosts)|" -e "s|@trusted_proxies@|$(trusted_proxies)|" -e "s|@own_ports@|$(own_ports)|" -e "s|@connections@|$connections|" \
        -e "s|@requests_per_second@|$requests|" -e "s|@requests_burst@|$((2 * requests))|" \
        -e "s|@open_requests_per_second@|$open_requests|" -e "s|@open_requests_burst@|$((2 * open_requests))|" \
        "$template"
}

# --- beside nginx ----------------------------------------------------------------------------------------------------

# Containers come and go: nginx asks for the addresses of a name once, so it reads them anew when they have changed.
follow_names() {
    configuration > "$state/nginx.conf.new"
    cmp -s "$state/nginx.conf.new" "$state/nginx.conf" && return
    mv "$state/nginx.conf.new" "$state/nginx.conf"
    kill -HUP "$$"
}

# nginx's processes outlive the one that started them when that is killed, and would keep the port. They finish what
# they are answering; this ends within the second that `make up` waits for it.
end_orphans() {
    for file in /proc/[0-9]*/stat; do
        read -r pid name _ parent _ of _ 2> /dev/null < "$file" || continue
        [ "$name" = "(nginx)" ] && [ "$of" = "$session" ] && [ "$pid" != "$$" ] && kill -QUIT "$pid"
    done
    sleep 0.1
}

beside_nginx() {
    while sleep 0.5 && kill -0 "$$" 2> /dev/null; do [ -z "$names" ] || follow_names || true; done
    end_orphans
}

names=
for service in $services; do is_address "$(setting "$service" HOST 127.0.0.1)" || names=yes; done
read -r _ _ _ _ _ session _ < "/proc/$$/stat"

mkdir -p "$state"
configuration > "$state/nginx.conf"
beside_nginx &
exec nginx -e stderr -p "$state" -c "$state/nginx.conf"
