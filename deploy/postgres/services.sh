#!/bin/sh
# Makes a database and a user for each service, once, when PostgreSQL has made its cluster. Each user reaches its own database
# alone. SERVICE_PASSWORDS: the directory with a file <service>_password for each.
set -eu

as_superuser() {
    psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname=postgres "$@"
}

as_superuser <<'SQL'
REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;
SQL

for service in identity catalog lending; do
    # The password is read by psql itself: arguments of a process can be seen by others. Text is compared by its bytes, so
    # that its order is the same on every machine.
    export PASSWORD_FILE="$SERVICE_PASSWORDS/${service}_password"
    as_superuser --set=service="$service" <<'SQL'
\set password `cat "$PASSWORD_FILE"`
CREATE ROLE :"service" LOGIN PASSWORD :'password';
CREATE DATABASE :"service" OWNER :"service" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C';
REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
SQL
done
