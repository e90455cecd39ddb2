-- set_up
SELECT
    set_config('search_path', ?, false),
    set_config('statement_timeout', ?, false),
    set_config('lock_timeout', ?, false),
    set_config('idle_in_transaction_session_timeout', '120s', false),
    set_config('tcp_keepalives_idle', '10', false),
    set_config('tcp_keepalives_interval', '5', false),
    set_config('tcp_keepalives_count', '3', false),
    set_config(
        'synchronous_commit',
        CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END,
        false
    )

-- begin
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SELECT pg_advisory_xact_lock(1953653550, hashtext(current_setting('search_path')))

-- about
SELECT current_setting('server_encoding'), to_regclass('migrations') IS NOT NULL

-- has_schema
SELECT count(*) FROM pg_namespace WHERE nspname = ?

-- tables
SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = ? AND relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY relname

-- is_ours
SELECT count(*) FROM information_schema.columns
WHERE table_schema = ? AND table_name = 'migrations' AND column_name IN ('version', 'name', 'checksum')

-- make_migrations
CREATE TABLE migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)

-- newest
SELECT coalesce(max(version), 0) FROM migrations

-- applied
SELECT version, checksum FROM migrations

-- record
INSERT INTO migrations (version, name, checksum) VALUES (?, ?, ?)
