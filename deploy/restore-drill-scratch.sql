-- The administrator of a scratch server for restore drills. Run it as a superuser on that server, and nowhere else:
-- psql --host=drill-db.internal --dbname=postgres --file=restore-drill-scratch.sql
-- Then give the role its password (\password muster_drill) and put that where `scratch:` of the environment points.
--
-- The server is for drills alone: it must not be production's, nor a standby of it, nor share its address; a drill that finds
-- otherwise refuses to begin. It needs the extensions that the dumps need, amcheck (postgresql-contrib), and a major version
-- that is not older than production's.
--
-- Superuser, because amcheck reads every page and extensions are made with it. What a dump says is never run as this role: each
-- drill makes a role of its own for that, which is no superuser, owns one database, and is dropped with it.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'muster_drill') THEN
        CREATE ROLE muster_drill;
    END IF;
END
$$;

ALTER ROLE muster_drill WITH LOGIN SUPERUSER CONNECTION LIMIT 10;
-- A copy of production's data belongs to nobody else here.
REVOKE CONNECT ON DATABASE postgres FROM PUBLIC;
REVOKE CONNECT ON DATABASE template1 FROM PUBLIC;

-- The server holds nothing that is not in a backup, so it need not be safe against a power cut; this makes restores faster.
ALTER SYSTEM SET fsync = off;
ALTER SYSTEM SET full_page_writes = off;
ALTER SYSTEM SET synchronous_commit = off;
ALTER SYSTEM SET autovacuum = off;
ALTER SYSTEM SET maintenance_work_mem = '512MB';
SELECT pg_reload_conf();
