-- CreateTable
CREATE TABLE "OutboxMessage" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "messageId" TEXT NOT NULL,
    "messageType" TEXT NOT NULL,
    "key" TEXT,
    "payload" TEXT NOT NULL,
    "headers" TEXT,
    "status" TEXT NOT NULL,
    "occurredAt" DATETIME NOT NULL,
    "availableAt" DATETIME NOT NULL,
    "lockedUntil" DATETIME,
    "lockToken" INTEGER NOT NULL DEFAULT 0,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "failCount" INTEGER NOT NULL DEFAULT 0,
    "lastError" TEXT,
    "processedAt" DATETIME
);

-- CreateTable
CREATE TABLE "ProcessedMessage" (
    "messageId" TEXT NOT NULL,
    "consumer" TEXT NOT NULL,
    "processedAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,

    PRIMARY KEY ("messageId", "consumer")
);

-- CreateTable
CREATE TABLE "OutboxLock" (
    "bucket" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT
);

-- CreateIndex
CREATE INDEX "OutboxMessage_status_availableAt_id_idx" ON "OutboxMessage"("status", "availableAt", "id");

-- CreateIndex
CREATE INDEX "OutboxMessage_key_id_idx" ON "OutboxMessage"("key", "id");

-- CreateIndex
CREATE INDEX "ProcessedMessage_processedAt_idx" ON "ProcessedMessage"("processedAt");
