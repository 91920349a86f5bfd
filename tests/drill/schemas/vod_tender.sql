-- vod-tender in our own words: recordings, the chat beside them, tokens. About 10,000 rows.
CREATE TABLE vods (
    id bigserial PRIMARY KEY,
    channel text DEFAULT ''::text NOT NULL,
    twitch_vod_id text NOT NULL UNIQUE,
    title text NOT NULL,
    recorded_at timestamptz NOT NULL,
    duration_seconds integer NOT NULL CHECK (duration_seconds >= 0),
    state varchar(20) DEFAULT 'pending' NOT NULL CHECK (state IN ('pending', 'downloading', 'processed', 'failed')),
    downloaded_bytes bigint DEFAULT 0 NOT NULL,
    youtube_url text,
    processed boolean DEFAULT false NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL
);
CREATE INDEX vods_unprocessed ON vods (recorded_at) WHERE NOT processed AND state IN ('pending', 'failed');
CREATE INDEX vods_by_channel ON vods (channel, recorded_at DESC);

CREATE TABLE chat_messages (
    id bigserial PRIMARY KEY,
    vod_id bigint NOT NULL REFERENCES vods (id) ON DELETE CASCADE,
    username text NOT NULL,
    message text NOT NULL,
    abs_timestamp timestamptz NOT NULL,
    rel_timestamp double precision NOT NULL CHECK (rel_timestamp BETWEEN 0 AND 172800 AND rel_timestamp = rel_timestamp),
    badges jsonb DEFAULT '[]'::jsonb NOT NULL,
    reply_to bigint REFERENCES chat_messages (id)
);
CREATE INDEX chat_messages_by_vod ON chat_messages (vod_id, rel_timestamp);
CREATE INDEX chat_messages_lower_name ON chat_messages (lower(username));

CREATE TABLE oauth_tokens (
    provider text NOT NULL,
    channel text DEFAULT '' NOT NULL,
    access_token bytea NOT NULL,
    refresh_token bytea NOT NULL,
    scope text,
    expires_at timestamptz NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    PRIMARY KEY (provider, channel)
);

CREATE TABLE kv (key text PRIMARY KEY, value text NOT NULL, updated_at timestamptz DEFAULT now() NOT NULL);

CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);

CREATE VIEW queue AS
    SELECT id, title, state, downloaded_bytes FROM vods
     WHERE NOT processed AND state IN ('pending', 'downloading') AND duration_seconds BETWEEN 1 AND 86400 ORDER BY recorded_at;

INSERT INTO vods (channel, twitch_vod_id, title, recorded_at, duration_seconds, state, downloaded_bytes, processed)
SELECT 'channel-' || n % 7, 'v' || 1000000 + n, 'recording ' || n, now() - n * interval '7 hours', 600 + n % 9000,
       (ARRAY['processed', 'processed', 'processed', 'pending', 'failed'])[1 + n % 5], n * 1000000::bigint, n % 5 < 3
  FROM generate_series(1, 400) n;
INSERT INTO chat_messages (vod_id, username, message, abs_timestamp, rel_timestamp, reply_to)
SELECT 1 + n % 400, 'viewer_' || n % 211, 'message ' || md5(n::text), now() - n * interval '1 minute', n % 600,
       CASE WHEN n % 10 = 0 THEN n - 1 END
  FROM generate_series(1, 9500) n;
INSERT INTO oauth_tokens VALUES ('twitch', '', '\x00', '\x01', 'chat:read', now() + interval '1 day'), ('youtube', '', '\x02', '\x03', NULL, now());
INSERT INTO kv SELECT 'key-' || n, n::text FROM generate_series(1, 40) n;
INSERT INTO schema_migrations VALUES (4, false);
