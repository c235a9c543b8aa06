#!/bin/sh
# Makes a role and a database for each service, and the key store. Run again, it changes nothing but passwords.
#
# In the official image: mount this folder as /docker-entrypoint-initdb.d. Elsewhere: run it with psql on the PATH and
# PGHOST, PGUSER, PGPASSWORD of somebody who may make roles and databases. Passwords come from <ROLE>_PASSWORD, such
# as TRIAGE_PANEL_PASSWORD; without one it is the demo's.
set -eu

SERVICES="referral_intake triage_panel therapy_booking notification child_record"
DEMO_PASSWORD=front-door-demo

run() {
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-${PGUSER:-postgres}}" "$@"
}

make_role() {  # name, password (none: nobody signs in as this role)
    run --dbname postgres --set role="$1" --set password="${2-}" <<'SQL'
select format('create role %I', :'role') where to_regrole(quote_ident(:'role')) is null \gexec
select :'password' <> '' as signs_in \gset
\if :signs_in
alter role :"role" login nosuperuser nocreatedb nocreaterole noreplication password :'password';
\endif
SQL
}

# Text is ordered by its bytes, as SQLite does: the order of a list never depends on a machine's locale.
make_database() {  # its name, which is its owner's too
    run --dbname postgres --set name="$1" <<'SQL'
select format('create database %I owner %I template template0 encoding ''UTF8'' locale ''C''', :'name', :'name')
where not exists (select from pg_database where datname = :'name') \gexec
revoke all on database :"name" from public;
grant connect, create, temporary on database :"name" to :"name";
SQL
}

for service in $SERVICES; do
    variable=$(printf '%s' "$service" | tr '[:lower:]' '[:upper:]')_PASSWORD
    eval "password=\${$variable:-$DEMO_PASSWORD}"
    make_role "$service" "$password"
    make_database "$service"
done

# The children's keys: nobody signs in as their owner. Intake makes and destroys them, the others read.
make_role keys
make_database keys
run --dbname keys <<'SQL'
set client_min_messages = warning;
set role keys;
create table if not exists keys (
    child_id varchar primary key,
    secret bytea,
    created_at timestamp with time zone not null,
    destroyed_at timestamp with time zone
);
reset role;
revoke all on keys from public;
grant connect on database keys to referral_intake, triage_panel, therapy_booking, notification, child_record;
grant select on keys to referral_intake, triage_panel, therapy_booking, notification, child_record;
grant insert, update (secret, destroyed_at) on keys to referral_intake;
revoke connect on database postgres, template1 from public;
SQL
