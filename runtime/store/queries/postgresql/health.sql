-- about
SELECT
    current_setting('server_version'),
    current_setting('server_encoding'),
    current_setting('fsync'),
    pg_is_in_recovery(),
    to_regclass('migrations') IS NOT NULL,
    CASE
        WHEN EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = :schema::text) THEN has_schema_privilege(:schema::text, 'CREATE')
        ELSE has_database_privilege(current_database(), 'CREATE')
    END

-- clock
SELECT extract(epoch FROM clock_timestamp())::double precision

-- has_messages
SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'messages'
