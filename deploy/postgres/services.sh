#!/bin/sh
# Makes a database and a user for each service where there is none, and gives each user the password that its file holds. Each user
# reaches its own database alone. It may run again at any time: what is there stays, passwords become those of the files.
#
#   PGHOST=postgres.example.org SERVICE_PASSWORDS=DIR/postgres sh deploy/postgres/services.sh
#
# POSTGRES_USER: the superuser, otherwise `postgres`. SERVER_IS_OURS=yes: nobody else has databases on this server, so services
# are kept out of the databases `postgres` and `template1` too.
set -eu
: "${SERVICE_PASSWORDS:?the directory with a file <service>_password for each service}"
services="identity catalog lending"

for service in $services; do
    [ -s "$SERVICE_PASSWORDS/${service}_password" ] || {
        echo "there is no password in $SERVICE_PASSWORDS/${service}_password" >&2
        exit 1
    }
done

# What psql is to do. It reads the passwords itself, because arguments of a process can be seen by others; and the server does
# not write down, or count, the statements that hold them, whatever else it logs. Text is compared by its bytes, so that its
# order is the same on every machine.
statements() {
    cat <<'SQL'
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET log_min_duration_statement = -1;
SET log_min_duration_sample = -1;
SET log_transaction_sample_rate = 0;
SET log_duration = off;
SET pg_stat_statements.track_utility = off;
SQL
    if [ "${SERVER_IS_OURS:-}" = yes ]; then
        echo 'REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;'
    fi
    for service in $services; do
        printf '\\set service %s\n\\set password `cat "$SERVICE_PASSWORDS/%s_password"`\n' "$service" "$service"
        cat <<'SQL'
SELECT format('CREATE ROLE %I', :'service')
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'service') \gexec
ALTER ROLE :"service" LOGIN PASSWORD :'password';
SELECT format($$CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'$$, :'service', :'service')
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'service') \gexec
REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
SQL
    done
}

export SERVICE_PASSWORDS
statements | psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname=postgres
