-- DropIndex
DROP INDEX "OutboxMessage_key_id_idx";

-- CreateIndex
CREATE INDEX "OutboxMessage_key_status_id_idx" ON "OutboxMessage"("key", "status", "id");
