#!/bin/sh
# Installs what the platform needs on a Debian or Ubuntu machine, and only what is missing; quick when nothing is.
#   1. packages: PostgreSQL with PostGIS, PgBouncer, nginx, Java, Maven, Python's venv, curl
#   2. .venv from requirements/dev.txt, with hashes
#   3. Kafka's jars
set -eu

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"

say() { printf '%s\n' "$*"; }
has() { command -v "$1" > /dev/null 2>&1; }

# --- packages --------------------------------------------------------------------------------------------------------

# That of the system first: it is built with optimisations that one compiled by hand mostly lacks (as pyenv's, which takes
# a fifth more time for the same work).
find_python() {
    for name in /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11; do
        if has "$name" && "$name" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
            command -v "$name"
            return
        fi
    done
}

has_postgis() {
    for folder in /usr/lib/postgresql/*; do
        version=${folder##*/}
        [ -x "$folder/bin/postgres" ] && [ "${version%%.*}" -ge 15 ] &&
            [ -e "/usr/share/postgresql/$version/extension/postgis.control" ] && return 0
    done
    return 1
}

has_java() {
    version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p')
    [ "${version:-0}" -ge 17 ]
}

missing_packages() {
    has_postgis || echo "postgresql postgis-for-it"
    for name in pgbouncer nginx; do has $name || [ -x /usr/sbin/$name ] || echo $name; done
    has_java || echo default-jre-headless
    has mvn || echo maven
    has curl || echo curl
    [ -x /usr/sbin/dovecot ] || echo dovecot-imapd
    [ -n "$(find_python)" ] || echo python3 python3-venv
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif has sudo; then
        sudo "$@"
    else
        say "this needs root and there is no sudo: run \`make setup\` as root once, or install by hand:" "$packages" >&2
        exit 1
    fi
}

# Debian starts a cluster on 5432, a PgBouncer on 6432 and an nginx on 80 as soon as they are installed, and at every
# boot. Ours are apart from them, so what this script installs stays silent; what was there before is left as it is.
install_silently() {
    if ! has pg_createcluster; then
        as_root mkdir -p /etc/postgresql-common/createcluster.d
        echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.d/psychotherapy-platform.conf > /dev/null
    fi
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee $policy > /dev/null
        as_root chmod 755 $policy
        trap 'as_root rm -f $policy' EXIT INT TERM
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@"
    for name in pgbouncer nginx dovecot; do
        case " $* " in *" $name "* | *" $name-imapd "*) as_root update-rc.d $name disable > /dev/null 2>&1 || true ;; esac
    done
}

# PostGIS carries the version of PostgreSQL in its name.
name_postgis() {
    case " $packages " in *" postgis-for-it "*) ;; *) return ;; esac
    version=$(ls -d /usr/lib/postgresql/*/bin/postgres 2> /dev/null | sed 's:/usr/lib/postgresql/\([0-9]*\)/.*:\1:' | sort -n | tail -1)
    [ -n "$version" ] || version=$(apt-cache depends postgresql | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -1)
    packages=$(echo "$packages" | sed "s/postgis-for-it/postgresql-$version-postgis-3/")
}

packages=$(missing_packages | tr '\n' ' ')
if [ -n "${packages% }" ]; then
    has apt-get || { say "please install: $packages" >&2; exit 1; }
    say "installing: $packages"
    as_root apt-get update --quiet
    name_postgis
    # shellcheck disable=SC2086 - words on purpose
    install_silently $packages
    packages=$(missing_packages | tr '\n' ' ')
    if [ -n "${packages% }" ]; then
        say "still missing after the installation: $packages" >&2
        say "needed: PostgreSQL 15, Python 3.11, Java 17 or newer, as in Debian 12, Ubuntu 24.04 and later" >&2
        exit 1
    fi
fi

# --- Python ----------------------------------------------------------------------------------------------------------

wanted=$(sha256sum < requirements/dev.txt)
if [ "$(cat .venv/.installed 2> /dev/null)" != "$wanted" ]; then
    say "installing Python packages into .venv"
    [ -x .venv/bin/python ] || "$(find_python)" -m venv .venv
    .venv/bin/python -m pip --version > /dev/null 2>&1 || .venv/bin/python -m ensurepip > /dev/null
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
    echo "$wanted" > .venv/.installed
fi

# --- Kafka -----------------------------------------------------------------------------------------------------------

kafka/fetch.sh > /dev/null
