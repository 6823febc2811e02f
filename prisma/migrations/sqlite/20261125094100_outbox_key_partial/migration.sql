-- DropIndex
DROP INDEX "OutboxMessage_key_status_id_idx";

-- CreateIndex (the WHERE is written by hand: only what has a key and is not done)
CREATE INDEX "OutboxMessage_key_status_id_idx" ON "OutboxMessage"("key", "status", "id") WHERE "key" IS NOT NULL AND "status" <> 'done';
