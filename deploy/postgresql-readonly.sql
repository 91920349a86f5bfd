-- The monitoring role of Muster: what it may read, and nothing that it could change. Run it as a superuser in each database
-- that is looked at (psql --dbname=platform_db --file=postgresql-readonly.sql); running it again changes nothing.
-- Then give the role its password (\password muster) and put that where the connection's password reference points.
--
-- Privileges are the wall; the settings below are a seat belt that the role itself could take off.
-- What no privilege can refuse a role that may log in: advisory locks, NOTIFY, pg_sleep, using up transaction ids, and changing its
-- own password and settings.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'muster') THEN
        CREATE ROLE muster;
    END IF;
END
$$;

ALTER ROLE muster WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT CONNECTION LIMIT 5;
ALTER ROLE muster SET default_transaction_read_only = on;
ALTER ROLE muster SET statement_timeout = '30s';
ALTER ROLE muster SET lock_timeout = '1s';
ALTER ROLE muster SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE muster SET search_path = '';
ALTER ROLE muster SET temp_file_limit = '64MB';

-- Other sessions' states, replication, sizes of all databases. It also shows statement texts, which Muster never asks for.
GRANT pg_read_all_stats TO muster;
-- The size of the write-ahead log, for the share of the volume that is used.
GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_waldir() TO muster;

-- From PostgreSQL 16 on: looking still works when every ordinary connection is taken, if the server sets reserved_connections.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'pg_use_reserved_connections') THEN
        GRANT pg_use_reserved_connections TO muster;
    END IF;
END
$$;

-- Everybody has these by default; applications that need one get it back by name.
DO $$
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO muster', current_database());
END
$$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;  -- the default up to PostgreSQL 14
-- They write although they need no privilege on any object: large objects, and messages into the write-ahead log. And what
-- PostgreSQL 17 and 18 brought: slots of a standby, and the planner's statistics.
DO $$
DECLARE
    each regprocedure;
BEGIN
    FOR each IN
        SELECT oid::regprocedure FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace
          AND proname IN (
              'lo_creat', 'lo_create', 'lo_from_bytea', 'pg_logical_emit_message', 'pg_sync_replication_slots',
              'pg_restore_relation_stats', 'pg_clear_relation_stats', 'pg_restore_attribute_stats', 'pg_clear_attribute_stats'
          )
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', each);
    END LOOP;
END
$$;

-- How far sequences have come: SELECT reads, nextval() would need USAGE. Repeat for each schema; the second line, run as the
-- role that creates tables (or with FOR ROLE), covers sequences to come.
GRANT USAGE ON SCHEMA public TO muster;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO muster;
-- ALTER DEFAULT PRIVILEGES FOR ROLE platform IN SCHEMA public GRANT SELECT ON SEQUENCES TO muster;

-- Readings of business tables: column by column, only what their SQL names, never a whole table.
-- GRANT SELECT (created_at) ON public.audit_events TO muster;
